-- RabbitMQ's messages that failed or were refused, and came to nobody any more.
-- Attempts that failed in a call in another thread or task. Who asks for its result learns of the error and may do
-- something about it that no span shows.
WITH asked AS (
    SELECT trace_id, span_id FROM works WHERE handed AND outcome = 'error'
    EXCEPT
    SELECT trace_id, span_id FROM events WHERE name = 'eda.process.error_unretrieved'
),

-- Processes that sent more than there are spans, and whether to where messages are set aside.
unshown AS (
    SELECT c.service, c.instance, max(CASE WHEN a.destination IS NULL THEN 0 ELSE 1 END) AS aside
    FROM completeness AS c
    LEFT JOIN asides AS a ON a.destination = c.destination
    WHERE c.type = 'send' AND c.around < c.counted
    GROUP BY c.service, c.instance
),

-- Without offsets: the answers to the broker that end a message, if an attempt may be about it.
answer AS (
    SELECT
        r.*,
        -- An attempt may also answer for messages of others.
        CASE WHEN r.origin_span IS NULL AND count(*) OVER (PARTITION BY r.trace_id, r.parent_id) = 1 THEN r.parent_id END AS within
    FROM operations AS r
    WHERE
        r.type = 'settle' AND r.outcome = 'ok' AND r.message_offset IS NULL AND r.system = 'rabbitmq'
        AND (
            (r.operation IN ('reject', 'nack') AND r.requeued = false AND r.dead_letter IS DISTINCT FROM true)
            OR (r.operation = 'ack' AND r.origin_span IN (SELECT f.origin_span FROM works AS f WHERE f.outcome = 'error'))
            -- A message without a context, as of a sender without instrumentation, has only its attempt around the answer.
            OR (
                r.operation = 'ack' AND r.origin_span IS NULL
                AND r.parent_id IN (SELECT f.span_id FROM works AS f WHERE f.outcome = 'error')
            )
        )
),

-- Messages that failed, were refused for good or acknowledged, and came to nobody any more. What a queue dead-letters is
-- not lost.
refused AS (
    SELECT
        r.system, r.service, r.instance, r.destination, r.origin_trace, r.origin_span,
        coalesce(w.trace_id, p.trace_id) AS trace_id, coalesce(w.span_id, p.span_id) AS span_id,
        coalesce(w.error, p.error) AS error, coalesce(w.error_text, p.error_text) AS error_text, coalesce(w.outcome, p.outcome) AS outcome,
        coalesce(w.started, p.started, r.started) AS started, r.ended, r.operation = 'ack' AS acked, r.dead_letter = false AS undeclared, false AS auto_ack,
        EXISTS (
            SELECT 1 FROM sends AS s
            WHERE
                s.trace_id = coalesce(w.trace_id, p.trace_id) AND s.instance = r.instance
                AND s.started >= coalesce(w.started, p.started) AND s.outcome = 'ok'
        ) AS sent_on
    FROM answer AS r
    -- A framework refuses by itself what it has no handler for.
    ASOF LEFT JOIN (
        SELECT a.* FROM works AS a WHERE a.origin_span IN (SELECT e.origin_span FROM answer AS e)
    ) AS w
        ON w.origin_trace = r.origin_trace AND w.origin_span = r.origin_span AND w.instance = r.instance AND w.started <= r.started
    LEFT JOIN works AS p ON p.trace_id = r.trace_id AND p.span_id = r.within
    WHERE r.operation <> 'ack' OR coalesce(w.outcome, p.outcome) = 'error'
    UNION ALL
    -- The broker took these for done when it sent them.
    SELECT
        w.system, w.service, w.instance, w.destination, w.origin_trace, w.origin_span, w.trace_id, w.span_id, w.error, w.error_text,
        w.outcome, w.started, w.ended, true, false, true,
        EXISTS (
            SELECT 1 FROM sends AS s
            WHERE s.trace_id = w.trace_id AND s.instance = w.instance AND s.started >= w.started AND s.outcome = 'ok'
        )
    FROM works AS w
    WHERE w.auto_ack AND w.outcome = 'error'
),

-- Queues whose messages also come to other destinations, as dead letters do, where attempts are missing.
hidden AS (
    SELECT DISTINCT w.destination
    FROM works AS w
    JOIN works AS o ON o.origin_trace = w.origin_trace AND o.origin_span = w.origin_span AND o.destination <> w.destination
    JOIN completeness AS c ON c.destination = o.destination
    WHERE w.system = 'rabbitmq' AND c.type = 'process' AND c.around < c.counted
),

-- When such a message came again, or was sent on. Another queue may have a copy of its own.
ended AS (
    SELECT origin_trace, origin_span, destination
    FROM answer
    WHERE origin_span IS NOT NULL
    UNION
    SELECT origin_trace, origin_span, destination FROM works WHERE auto_ack AND outcome = 'error' AND origin_span IS NOT NULL
),

again AS (
    SELECT e.origin_trace, e.origin_span, e.destination, max(o.started) AS started
    FROM ended AS e
    JOIN operations AS o ON o.origin_trace = e.origin_trace AND o.origin_span = e.origin_span
    LEFT JOIN fanned AS f ON f.queue = e.destination AND f.other = o.destination
    WHERE (o.type = 'process' AND f.queue IS NULL) OR (o.type = 'send' AND o.outcome = 'ok')
    GROUP BY e.origin_trace, e.origin_span, e.destination
)

SELECT
    r.system, r.service, r.instance, r.destination, r.error, r.trace_id, r.span_id, r.origin_trace AS other_trace_id,
    r.origin_span AS other_span_id, r.started AS first_time, r.ended AS last_time, r.origin_trace || '-' || r.origin_span AS message,
    CASE WHEN r.auto_ack THEN 'acknowledged-first' WHEN r.acked THEN 'error-swallowed' ELSE 'refused' END AS cause,
    -- What an attempt sent may have been the answer, or another try.
    -- Who asks for the error of a call in another thread may do something about it. Who then refuses the message has not done it.
    -- A message without a context would not be known if it came again, from an exchange for dead letters or a copy.
    CASE WHEN r.outcome = 'error' AND (r.origin_span IS NOT NULL OR r.undeclared) AND NOT (r.acked AND (r.sent_on OR q.span_id IS NOT NULL)) AND h.destination IS NULL
        -- Another try may have been sent, or had, without a span.
        AND NOT (r.acked AND (w.instance IS NOT NULL OR k.destination IS NOT NULL)) THEN 'LIKELY' ELSE 'SUSPECT' END AS at_most,
    true AS g1, true AS g2, true AS g4, true AS g6, true AS g7, true AS g8, true AS g9,
    CASE
        WHEN r.auto_ack THEN 'acknowledged by the broker when it was sent'
        WHEN r.acked THEN 'acknowledged'
        -- A policy of the broker may give the queue one all the same.
        WHEN r.undeclared THEN 'refused for good in a queue that was declared without a dead-letter exchange'
        ELSE 'refused for good'
    END || ', and nobody had it after that' || coalesce(': ' || coalesce(r.error_text, r.error), '') AS detail
FROM refused AS r
LEFT JOIN hidden AS h ON h.destination = r.destination
LEFT JOIN unshown AS w ON w.service = r.service AND w.instance = r.instance
LEFT JOIN short AS k ON k.destination = r.destination
LEFT JOIN asked AS q ON q.trace_id = r.trace_id AND q.span_id = r.span_id
LEFT JOIN again AS a
    ON a.origin_trace = r.origin_trace AND a.origin_span = r.origin_span AND a.destination IS NOT DISTINCT FROM r.destination
WHERE
    coalesce(a.started <= r.started, true)
    AND NOT EXISTS (
        SELECT 1 FROM set_aside AS i WHERE i.trace_id = r.trace_id AND i.instance = r.instance
    )
    AND NOT EXISTS (SELECT 1 FROM set_aside AS b WHERE b.repeats = r.span_id)
    AND NOT EXISTS (SELECT 1 FROM set_aside AS o WHERE o.repeats = r.origin_span)
    AND NOT EXISTS (SELECT 1 FROM excused AS e WHERE e.trace_id = r.trace_id AND e.span_id = r.span_id)
