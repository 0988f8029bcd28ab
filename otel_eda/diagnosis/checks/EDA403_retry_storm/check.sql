-- gates: G1
-- news: place
WITH delivered AS (
    SELECT
        system, service, instance, destination, consumer_group, replica, message, partition_id, message_offset, origin_trace,
        origin_span, outcome, error, started, ended, trace_id, span_id, redelivered, true AS tried
    FROM works
    WHERE message_offset IS NOT NULL OR origin_span IS NOT NULL
    UNION ALL
    -- Who works on a batch as a whole shows only how often it received each message.
    SELECT
        r.system, r.service, r.instance, r.destination, r.consumer_group, CAST(NULL AS VARCHAR),
        r.partition_id || '@' || r.message_offset, r.partition_id, r.message_offset, r.origin_trace, r.origin_span, CAST(NULL AS VARCHAR),
        CAST(NULL AS VARCHAR), r.started, r.ended, r.trace_id, r.span_id, CAST(NULL AS BOOLEAN), false
    FROM operations AS r
    WHERE
        r.type = 'receive' AND r.message_offset IS NOT NULL AND r.consumer_group IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM works AS w
            WHERE w.consumer_group = r.consumer_group AND w.destination = r.destination
        )
),

counted AS (
    SELECT system, service, destination, consumer_group, replica, message, count(*) AS attempts
    FROM delivered
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
    FROM delivered AS w
    JOIN storm AS t
        ON t.system = w.system AND t.service = w.service AND t.destination IS NOT DISTINCT FROM w.destination
        AND t.consumer_group IS NOT DISTINCT FROM w.consumer_group
),

message AS (
    SELECT
        system, service, destination, consumer_group, replica, message, count(*) AS attempts,
        min(started) AS first_time, max(ended) AS last_time, arg_min(trace_id, started) AS trace_id,
        arg_min(span_id, started) AS span_id, arg_min(instance, started) AS instance, max(error) AS error,
        max(partition_id) AS partition_id, max(message_offset) AS message_offset, max(origin_trace) AS origin_trace, max(origin_span) AS origin_span,
        bool_and(tried) AS tried, count(DISTINCT instance) AS instances, bool_or(coalesce(redelivered, false)) AS redelivered
    FROM stormy
    GROUP BY system, service, destination, consumer_group, replica, message
)

SELECT
    m.system, m.service, m.instance, m.destination, m.consumer_group, m.partition_id, m.message_offset, m.error, m.trace_id, m.span_id, m.message,
    m.first_time, m.last_time, m.attempts - 1 AS weight,
    -- If attempts follow each other within half a second, a fault has no time to pass.
    -- A context that no send made may be that of several messages.
    CASE
        WHEN m.message_offset IS NULL AND s.span_id IS NULL THEN 'SUSPECT'
        -- An instrumentation that does not name the queue makes the copies of several queues look like one message.
        WHEN m.system = 'rabbitmq' AND m.instances = m.attempts AND NOT m.redelivered THEN 'SUSPECT'
        -- What became of each batch is not known.
        WHEN NOT m.tried THEN 'LIKELY'
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
