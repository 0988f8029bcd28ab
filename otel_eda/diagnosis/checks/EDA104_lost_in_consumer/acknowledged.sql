-- Without offsets: what was acknowledged, and whether anybody was seen to work on it.
WITH acknowledged AS (
    SELECT
        a.system, a.service, a.instance, a.destination, a.origin_trace, a.origin_span, a.trace_id, a.span_id, a.started, a.ended,
        w.origin_span IS NOT NULL AS worked
    FROM operations AS a
    LEFT JOIN (
        SELECT DISTINCT origin_trace, origin_span FROM works WHERE message_offset IS NULL AND origin_span IS NOT NULL
    ) AS w ON w.origin_trace = a.origin_trace AND w.origin_span = a.origin_span
    WHERE
        a.type = 'settle' AND a.operation = 'ack' AND a.outcome = 'ok' AND a.system = 'rabbitmq' AND a.message_offset IS NULL
        AND a.origin_span IS NOT NULL
),

-- What a process acknowledged and had not begun, or not ended, when it vanished, though most that its service
-- acknowledged there has attempts: it acknowledges before the work.
unbegun AS (
    SELECT a.*
    FROM acknowledged AS a
    JOIN (
        SELECT service, destination
        FROM acknowledged
        GROUP BY service, destination
        HAVING 2 * sum(CASE WHEN worked THEN 1 ELSE 0 END) > count(*)
    ) AS m ON m.service = a.service AND m.destination = a.destination
    JOIN processes AS i ON i.instance = a.instance
    JOIN services AS v ON v.service = a.service
    JOIN graces AS z ON z.destination = a.destination
    WHERE NOT a.worked AND v.last_time - i.last_time > z.grace
)

SELECT
    b.system, b.service, b.instance, b.destination, b.origin_trace AS trace_id, b.origin_span AS span_id,
    b.trace_id AS other_trace_id, b.span_id AS other_span_id, b.started AS first_time, b.ended AS last_time,
    b.origin_trace || '-' || b.origin_span AS message, 'died-with-it' AS cause, 'SUSPECT' AS at_most,
    true AS g3, true AS g4, true AS g6, true AS g7, true AS g8, true AS g9,
    'it was acknowledged, and no attempt at it ended before the process did' AS detail
FROM unbegun AS b
WHERE
    NOT EXISTS (
        SELECT 1 FROM sends AS s
        WHERE s.outcome = 'ok' AND s.linked AND s.origin_trace = b.origin_trace AND s.origin_span = b.origin_span AND s.started >= b.started
    )
