-- gates: G1
-- news: place
WITH counted AS (
    SELECT system, service, destination, consumer_group, replica, message, count(*) AS attempts
    FROM works
    WHERE message_offset IS NOT NULL OR origin_span IS NOT NULL
    GROUP BY system, service, destination, consumer_group, replica, message
),

total AS (
    SELECT
        system, service, destination, consumer_group, sum(attempts) AS attempts, count(*) AS messages,
        sum(CASE WHEN attempts > 1 THEN 1 ELSE 0 END) AS again
    FROM counted
    GROUP BY system, service, destination, consumer_group
),

storm AS (
    SELECT t.*
    FROM total AS t
    CROSS JOIN settings AS z
    WHERE
        t.attempts >= 50
        AND t.attempts - t.messages > z.storm_share * t.attempts
        AND t.again * 5 <= t.attempts
),

-- Attempts at a message are looked at only where many were repeats.
stormy AS (
    SELECT w.*
    FROM works AS w
    JOIN storm AS t
        ON t.system = w.system AND t.service = w.service AND t.destination IS NOT DISTINCT FROM w.destination
        AND t.consumer_group IS NOT DISTINCT FROM w.consumer_group
    WHERE w.message_offset IS NOT NULL OR w.origin_span IS NOT NULL
),

message AS (
    SELECT
        system, service, destination, consumer_group, replica, message, count(*) AS attempts,
        min(started) AS first_time, max(ended) AS last_time, arg_min(trace_id, started) AS trace_id,
        arg_min(span_id, started) AS span_id, arg_min(instance, started) AS instance, max(error) AS error,
        max(message_offset) AS message_offset, max(origin_trace) AS origin_trace, max(origin_span) AS origin_span
    FROM stormy
    GROUP BY system, service, destination, consumer_group, replica, message
)

SELECT
    m.system, m.service, m.instance, m.destination, m.consumer_group, m.error, m.trace_id, m.span_id, m.message,
    m.first_time, m.last_time, m.attempts - 1 AS weight,
    -- If attempts follow each other within half a second, a fault has no time to pass.
    -- A context that no send made may be that of several messages.
    CASE
        WHEN m.message_offset IS NULL AND s.span_id IS NULL THEN 'SUSPECT'
        -- Who tries a message now and then may wait for its time, and say so by an error.
        WHEN (m.last_time - m.first_time) / m.attempts >= 500000000 THEN 'LIKELY'
    END AS at_most,
    CASE WHEN (m.last_time - m.first_time) / m.attempts < 500000000 THEN 'no-delay' ELSE 'slow-ack' END AS cause,
    t.attempts - t.messages || ' of ' || t.attempts || ' deliveries were repeats, of ' || t.again || ' messages' AS detail
FROM message AS m
JOIN storm AS t
    ON t.system = m.system AND t.service = m.service AND t.destination IS NOT DISTINCT FROM m.destination
    AND t.consumer_group IS NOT DISTINCT FROM m.consumer_group
LEFT JOIN (
    SELECT DISTINCT trace_id, span_id
    FROM operations
    WHERE type IN ('send', 'create') AND span_id IN (SELECT e.origin_span FROM message AS e WHERE e.attempts > 1)
) AS s ON s.trace_id = m.origin_trace AND s.span_id = m.origin_span
WHERE m.attempts > 1
