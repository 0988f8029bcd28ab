-- RabbitMQ's messages that were put back and came to nobody any more, though what was sent to their queue after that did.
WITH returned AS (
    SELECT r.system, r.service, r.instance, r.origin_trace, r.origin_span, r.started, r.ended, w.destination, w.consumer_group, w.trace_id, w.span_id, w.error, w.error_text, w.message
    FROM operations AS r
    ASOF JOIN works AS w
        ON w.origin_trace = r.origin_trace AND w.origin_span = r.origin_span AND w.instance = r.instance AND w.started <= r.started
    WHERE
        r.type = 'settle' AND r.operation IN ('nack', 'reject') AND r.requeued AND r.outcome = 'ok' AND r.system = 'rabbitmq'
        AND r.origin_span IS NOT NULL AND r.message_offset IS NULL
),

-- When the latest message of each queue was sent that somebody had.
latest AS (
    SELECT w.destination, max(s.started) AS sent
    FROM works AS w
    JOIN sends AS s ON s.origin_trace = w.origin_trace AND s.origin_span = w.origin_span
    WHERE w.system = 'rabbitmq' AND w.message_offset IS NULL AND w.outcome = 'ok' AND NOT s.linked
    GROUP BY w.destination
),

again AS (
    SELECT DISTINCT r.trace_id, r.span_id
    FROM returned AS r
    JOIN operations AS o ON o.origin_trace = r.origin_trace AND o.origin_span = r.origin_span AND o.started > r.started
    LEFT JOIN fanned AS n ON n.queue = r.destination AND n.other = o.destination
    WHERE (o.type IN ('receive', 'process', 'settle') AND n.queue IS NULL) OR (o.type = 'send' AND o.outcome = 'ok')
)

SELECT
    r.system, r.service, r.instance, r.destination, r.error, r.trace_id, r.span_id, r.origin_trace AS other_trace_id,
    r.origin_span AS other_span_id, r.started AS first_time, r.ended AS last_time, r.message, 'put-back' AS cause, 'SUSPECT' AS at_most,
    true AS g4, true AS g6, true AS g7, true AS g8, true AS g9,
    'put back, and nobody had it after that, though others came that were sent later' || coalesce(': ' || coalesce(r.error_text, r.error), '') AS detail
FROM returned AS r
JOIN latest AS l ON l.destination = r.destination AND l.sent > r.ended
LEFT JOIN again AS a ON a.trace_id = r.trace_id AND a.span_id = r.span_id
WHERE
    a.span_id IS NULL
    AND NOT EXISTS (SELECT 1 FROM set_aside AS i WHERE i.trace_id = r.trace_id AND i.instance = r.instance)
    AND NOT EXISTS (SELECT 1 FROM set_aside AS b WHERE b.repeats = r.span_id)
    AND NOT EXISTS (SELECT 1 FROM set_aside AS o WHERE o.repeats = r.origin_span)
    AND NOT EXISTS (SELECT 1 FROM excused AS e WHERE e.trace_id = r.trace_id AND e.span_id = r.span_id)
