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
)

SELECT
    f.system, f.service, f.instance, f.destination, f.error, f.trace_id, f.span_id, f.origin_trace AS other_trace_id,
    f.origin_span AS other_span_id, f.started AS first_time, f.ended AS last_time, f.message, 'failed-once' AS cause, 'SUSPECT' AS at_most,
    true AS g4, true AS g6, true AS g7, true AS g8, true AS g9,
    'it failed, and nobody had it after that: ' || coalesce(f.error_text, f.error) AS detail
FROM failed AS f
WHERE
    NOT EXISTS (
        SELECT 1 FROM operations AS o
        WHERE
            o.origin_trace = f.origin_trace AND o.origin_span = f.origin_span AND o.started > f.started
            AND (o.type IN ('receive', 'process', 'settle') OR (o.type = 'send' AND o.outcome = 'ok'))
    )
    -- What it sent may have been the answer, or another try.
    AND NOT EXISTS (
        SELECT 1 FROM sends AS s
        WHERE s.trace_id = f.trace_id AND s.instance = f.instance AND s.started >= f.started AND s.outcome = 'ok'
    )
    AND NOT EXISTS (SELECT 1 FROM set_aside AS a WHERE a.repeats = f.span_id)
    AND NOT EXISTS (SELECT 1 FROM set_aside AS b WHERE b.repeats = f.origin_span)
    AND NOT EXISTS (SELECT 1 FROM excused AS e WHERE e.trace_id = f.trace_id AND e.span_id = f.span_id)
