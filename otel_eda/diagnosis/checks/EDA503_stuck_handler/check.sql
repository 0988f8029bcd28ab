-- gates: none
-- news: place
-- scope: all destinations
WITH usual AS (
    SELECT
        system, service, destination, consumer_group, count(*) AS number,
        quantile_cont(ended - started, 0.99) AS taken,
        -- Of less than a hundred attempts the longest is the 99th percentile: perhaps the next attempt at what is stuck.
        quantile_cont(ended - started, 0.95) AS mostly
    FROM works
    WHERE outcome = 'ok'
    GROUP BY system, service, destination, consumer_group
),

-- A message that is still at work has no span yet; the consumer measures its age.
age AS (
    SELECT
        system, service, instance, destination, consumer_group, max(value) * 1000000000 AS taken, max(time) AS last_time
    FROM metrics
    WHERE name = 'eda.consumer.in_flight_age'
    GROUP BY system, service, instance, destination, consumer_group
),

reached AS (
    SELECT instance, destination, partition_id, max(message_offset) AS message_offset
    FROM works
    WHERE message_offset IS NOT NULL
    GROUP BY instance, destination, partition_id
),

-- Settlements of a message that has no process span yet: it may be done, and the process be waiting before its next pull.
settled AS (
    SELECT s.instance, max(s.started) AS started
    FROM operations AS s
    LEFT JOIN reached AS r ON r.instance = s.instance AND r.destination = s.destination AND r.partition_id = s.partition_id
    WHERE
        s.type = 'settle' AND s.outcome = 'ok' AND NOT coalesce(r.message_offset >= s.committed - 1, false)
        AND NOT EXISTS (
            SELECT 1 FROM works AS w WHERE w.origin_trace = s.origin_trace AND w.origin_span = s.origin_span
        )
    GROUP BY s.instance
),

-- Processes of which not every span is here, and so perhaps not every settlement.
partial AS (
    SELECT DISTINCT c.instance
    FROM completeness AS c
    WHERE c.type = 'process' AND c.counted IS NOT NULL AND NOT c.whole
)

SELECT
    w.system, w.service, w.instance, w.destination, w.consumer_group, w.partition_id, w.message_offset,
    w.trace_id, w.span_id, w.started AS first_time, w.ended AS last_time,
    'never-returned' AS cause,
    -- Its end was not seen: it may have been cut off by a deploy, or handed on.
    'SUSPECT' AS at_most,
    'given up after ' || round((w.ended - w.started) / 1000000000.0, 3) || ' s; 99 % of the others took less than '
    || round(u.taken / 1000000000.0, 3) || ' s' AS detail
FROM works AS w
JOIN usual AS u
    ON u.system = w.system AND u.service = w.service AND u.destination IS NOT DISTINCT FROM w.destination
    AND u.consumer_group IS NOT DISTINCT FROM w.consumer_group
WHERE
    w.outcome = 'abandoned' AND u.number >= 20 AND w.ended - w.started > greatest(10 * u.taken, 1000000000)
    -- What was settled is done: the last message that a thread pulls is in its hand until the thread ends.
    AND NOT EXISTS (
        SELECT 1 FROM commits AS c
        WHERE
            c.instance = w.instance AND c.destination = w.destination AND c.partition_id = w.partition_id
            AND c.committed = w.message_offset + 1 AND c.started BETWEEN w.started AND w.ended
    )
    AND NOT EXISTS (
        SELECT 1 FROM operations AS s
        WHERE
            s.type = 'settle' AND s.operation = 'ack' AND s.outcome = 'ok' AND s.instance = w.instance
            AND s.origin_trace = w.origin_trace AND s.origin_span = w.origin_span AND s.started BETWEEN w.started AND w.ended
    )
UNION ALL
SELECT
    a.system, a.service, a.instance, a.destination, a.consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT),
    CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), cast(a.last_time - a.taken AS BIGINT), a.last_time, 'still-at-work',
    -- What a process was at when it was killed may be young.
    CASE
        WHEN i.instance IS NOT NULL OR d.started >= a.last_time - a.taken OR a.taken < 5000000000 THEN 'SUSPECT'
        -- A few attempts do not show how long others may take.
        WHEN u.number < 20 AND a.taken < 100 * u.mostly THEN 'SUSPECT'
        ELSE 'LIKELY'
    END,
    'at work for ' || round(a.taken / 1000000000.0, 3) || ' s; 95 % of the others took less than '
    || round(u.mostly / 1000000000.0, 3) || ' s'
FROM age AS a
JOIN usual AS u
    ON u.system = a.system AND u.service = a.service AND u.destination IS NOT DISTINCT FROM a.destination
    AND u.consumer_group IS NOT DISTINCT FROM a.consumer_group
LEFT JOIN partial AS i ON i.instance = a.instance
LEFT JOIN settled AS d ON d.instance = a.instance
WHERE
    u.number >= 5
    AND a.taken > greatest(10 * u.mostly, 1000000000)
    -- Once the message is done, its span shows how long it took: that is a slow handler.
    AND NOT EXISTS (
        SELECT 1 FROM works AS w
        WHERE w.service = a.service AND w.destination = a.destination AND 2 * (w.ended - w.started) > a.taken
    )
