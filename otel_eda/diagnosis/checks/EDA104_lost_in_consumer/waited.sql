-- Without offsets: what the broker took for done while it waited in a queue of its process, or for a thread, and what
-- nobody got from there.
WITH waited AS (
    SELECT DISTINCT
        w.system, w.service, w.instance, w.destination, w.consumer_group, w.origin_trace, w.origin_span, w.trace_id, w.span_id, w.started, w.ended, w.message
    FROM works AS w
    LEFT JOIN operations AS a
        ON a.origin_trace = w.origin_trace AND a.origin_span = w.origin_span AND a.instance = w.instance
        AND a.type = 'settle' AND a.operation = 'ack' AND a.outcome = 'ok'
    WHERE
        w.message_offset IS NULL AND w.origin_span IS NOT NULL AND w.outcome = 'abandoned' AND w.handed AND w.waited IS NULL
        AND (w.auto_ack OR a.span_id IS NOT NULL OR w.system = 'zeromq')
),

-- Those that somebody had later, or sent on. Another queue may have a copy of its own.
again AS (
    SELECT DISTINCT m.trace_id, m.span_id
    FROM waited AS m
    JOIN operations AS o ON o.origin_trace = m.origin_trace AND o.origin_span = m.origin_span AND o.started > m.started
    LEFT JOIN fanned AS n
        ON n.queue = concat_ws('/', m.destination, m.consumer_group) AND n.other = concat_ws('/', o.destination, o.consumer_group)
    WHERE (o.type IN ('receive', 'process') AND n.queue IS NULL) OR (o.type = 'send' AND o.outcome = 'ok')
)

SELECT
    m.system, m.service, m.instance, m.destination, m.trace_id, m.span_id, m.origin_trace AS other_trace_id,
    m.origin_span AS other_span_id, m.started AS first_time, m.ended AS last_time, m.message, 'died-with-it' AS cause,
    -- Who lives on may have dropped it since something newer came. ZeroMQ's messages are done when they are received.
    CASE WHEN m.system = 'zeromq' OR p.last_time - m.ended > 10000000000 THEN 'SUSPECT' ELSE 'LIKELY' END AS at_most,
    true AS g1, true AS g2, true AS g4, true AS g6, true AS g7, true AS g8, true AS g9,
    'it was done for the broker while it waited in its process, and nobody had it after that' AS detail
FROM waited AS m
LEFT JOIN again AS a ON a.trace_id = m.trace_id AND a.span_id = m.span_id
LEFT JOIN processes AS p ON p.instance = m.instance
WHERE
    a.span_id IS NULL
    AND NOT EXISTS (SELECT 1 FROM set_aside AS i WHERE i.trace_id = m.trace_id AND i.instance = m.instance)
    AND NOT EXISTS (SELECT 1 FROM set_aside AS b WHERE b.repeats = m.span_id)
    AND NOT EXISTS (SELECT 1 FROM set_aside AS o WHERE o.repeats = m.origin_span)
