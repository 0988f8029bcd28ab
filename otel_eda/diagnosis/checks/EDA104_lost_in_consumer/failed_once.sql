-- Without offsets, where no span tells what became of a message: what failed, and came to nobody any more.
WITH untold AS (
    SELECT w.system, w.service, w.destination
    FROM works AS w
    LEFT JOIN (
        SELECT DISTINCT service, destination FROM operations WHERE type = 'settle'
    ) AS s ON s.service = w.service AND s.destination IS NOT DISTINCT FROM w.destination
    WHERE
        w.message_offset IS NULL AND w.origin_span IS NOT NULL AND w.system <> 'zeromq'
        AND s.service IS NULL
    GROUP BY w.system, w.service, w.destination
    -- Where most attempts fail, or only those that fail are kept, nothing follows from one of them.
    HAVING sum(CASE WHEN w.outcome = 'ok' THEN 1 ELSE -9 END) > 0
),

failed AS (
    SELECT w.*
    FROM works AS w
    JOIN untold AS u ON u.system = w.system AND u.service = w.service AND u.destination IS NOT DISTINCT FROM w.destination
    WHERE w.message_offset IS NULL AND w.origin_span IS NOT NULL AND w.outcome = 'error' AND NOT coalesce(w.auto_ack, false)
),

-- Those that came again, or were sent on. Another queue, or another subscription, may have a copy of its own.
again AS (
    SELECT DISTINCT f.trace_id, f.span_id
    FROM failed AS f
    JOIN operations AS o ON o.origin_trace = f.origin_trace AND o.origin_span = f.origin_span AND o.started > f.started
    LEFT JOIN fanned AS n
        ON n.queue = concat_ws('/', f.destination, f.consumer_group) AND n.other = concat_ws('/', o.destination, o.consumer_group)
    WHERE (o.type IN ('receive', 'process', 'settle') AND n.queue IS NULL) OR (o.type = 'send' AND o.outcome = 'ok')
)

SELECT
    f.system, f.service, f.instance, f.destination, f.error, f.trace_id, f.span_id, f.origin_trace AS other_trace_id,
    f.origin_span AS other_span_id, f.started AS first_time, f.ended AS last_time, f.message, 'failed-once' AS cause, 'SUSPECT' AS at_most,
    true AS g4, true AS g6, true AS g7, true AS g8, true AS g9,
    'it failed, and nobody had it after that: ' || coalesce(f.error_text, f.error) AS detail
FROM failed AS f
LEFT JOIN again AS a ON a.trace_id = f.trace_id AND a.span_id = f.span_id
WHERE
    a.span_id IS NULL
    -- What it sent may have been the answer, or another try.
    AND NOT EXISTS (
        SELECT 1 FROM sends AS s
        WHERE s.trace_id = f.trace_id AND s.instance = f.instance AND s.started >= f.started AND s.outcome = 'ok'
    )
    AND NOT EXISTS (SELECT 1 FROM set_aside AS i WHERE i.repeats = f.span_id)
    AND NOT EXISTS (SELECT 1 FROM set_aside AS b WHERE b.repeats = f.origin_span)
    AND NOT EXISTS (SELECT 1 FROM excused AS e WHERE e.trace_id = f.trace_id AND e.span_id = f.span_id)
