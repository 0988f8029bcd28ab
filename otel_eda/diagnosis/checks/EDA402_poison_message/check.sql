-- gates: none
-- news: message
WITH failing AS (
    SELECT DISTINCT system, destination, consumer_group
    FROM works
    WHERE outcome <> 'ok'
),

named AS (
    SELECT w.*
    FROM works AS w
    JOIN failing AS f
        ON f.system = w.system AND f.destination IS NOT DISTINCT FROM w.destination
        AND f.consumer_group IS NOT DISTINCT FROM w.consumer_group
    WHERE w.message_offset IS NOT NULL OR w.origin_span IS NOT NULL
),

attempt AS (
    SELECT
        system, destination, consumer_group, message, count(*) AS attempts,
        max(CASE WHEN outcome = 'ok' THEN 1 ELSE 0 END) AS finished,
        count(DISTINCT error) AS errors, max(error) AS error, max(error_text) AS error_text,
        max(CASE WHEN outcome = 'abandoned' THEN 1 ELSE 0 END) AS abandoned,
        max(partition_id) AS partition_id, max(message_offset) AS message_offset,
        min(started) AS first_time, max(ended) AS last_time,
        arg_min(service, started) AS service, arg_min(instance, started) AS instance,
        arg_min(trace_id, started) AS trace_id, arg_min(span_id, started) AS span_id
    FROM named
    GROUP BY system, destination, consumer_group, message
),

total AS (
    SELECT system, destination, consumer_group, count(*) AS messages, sum(finished) AS finished
    FROM attempt
    GROUP BY system, destination, consumer_group
)

SELECT
    a.system, a.service, a.instance, a.destination, a.consumer_group, a.partition_id, a.message_offset, a.message,
    a.error, a.trace_id, a.span_id, a.first_time, a.last_time, a.message AS alike, a.attempts AS weight,
    CASE WHEN a.abandoned = 1 THEN 'kills-the-process' ELSE 'handler' END AS cause,
    a.attempts || ' attempts, all failed alike: ' || coalesce(a.error || ': ' || a.error_text, a.error, 'never finished') AS detail
FROM attempt AS a
JOIN total AS t
    ON t.system = a.system AND t.destination IS NOT DISTINCT FROM a.destination
    AND t.consumer_group IS NOT DISTINCT FROM a.consumer_group
CROSS JOIN settings AS z
WHERE
    a.attempts >= z.attempts AND a.finished = 0 AND a.errors <= 1
    AND t.messages >= 5 AND t.finished >= 0.9 * (t.messages - 1)
