-- gates: G1 G4
-- news: place
WITH sent AS (
    SELECT * FROM sends WHERE outcome = 'ok' AND partition_id IS NOT NULL
),

load AS (
    SELECT
        system, destination, partition_id, count(*) AS number, min(started) AS first_time, max(ended) AS last_time,
        arg_min(service, started) AS service, arg_min(instance, started) AS instance,
        arg_min(trace_id, started) AS trace_id, arg_min(span_id, started) AS span_id
    FROM sent
    GROUP BY system, destination, partition_id
),

total AS (
    SELECT
        system, destination, sum(number) AS number, count(*) AS partitions, avg(number) AS mean,
        sum(number * number) AS squares
    FROM load
    GROUP BY system, destination
),

-- Partitions may have been added: how many of each one's messages were sent since all of them have had one.
since AS (
    SELECT
        s.system, s.destination, s.partition_id, count(*) AS number,
        sum(count(*)) OVER (PARTITION BY s.system, s.destination) AS total
    FROM sent AS s
    JOIN (
        SELECT system, destination, max(first_time) AS time FROM load GROUP BY system, destination
    ) AS b ON b.system = s.system AND b.destination = s.destination AND s.started >= b.time
    GROUP BY s.system, s.destination, s.partition_id
),

keyed AS (
    SELECT system, destination, partition_id, key_hash, count(*) AS number
    FROM sent
    WHERE key_hash IS NOT NULL
    GROUP BY system, destination, partition_id, key_hash
),

keys AS (
    SELECT system, destination, count(DISTINCT key_hash) AS number FROM keyed GROUP BY system, destination
),

hottest AS (
    SELECT system, destination, partition_id, arg_max(key_hash, number) AS key_hash, max(number) AS number
    FROM keyed
    GROUP BY system, destination, partition_id
)

SELECT
    l.system, l.service, l.instance, l.destination, l.partition_id, l.trace_id, l.span_id, l.first_time, l.last_time,
    CASE WHEN h.number * 2 > l.number THEN h.key_hash END AS key_hash,
    l.number AS weight,
    CASE
        WHEN k.number < 10 THEN 'few-keys'
        WHEN h.number * 2 > l.number THEN 'one-key'
        ELSE 'skew'
    END AS cause,
    -- A sticky partitioner is also uneven for a while.
    CASE
        WHEN k.number IS NULL OR NOT coalesce(b.total >= 1000 AND b.number * t.partitions > z.hot_share * b.total, false) THEN 'LIKELY'
    END AS at_most,
    l.number || ' of ' || t.number || ' messages, ' || round(l.number / t.mean, 1) || ' times the mean of '
    || t.partitions || ' partitions'
    || CASE WHEN h.number * 2 > l.number THEN '; ' || h.number || ' of one key' ELSE '' END AS detail
FROM load AS l
JOIN total AS t ON t.system = l.system AND t.destination = l.destination
LEFT JOIN keys AS k ON k.system = l.system AND k.destination = l.destination
LEFT JOIN hottest AS h
    ON h.system = l.system AND h.destination = l.destination AND h.partition_id = l.partition_id
LEFT JOIN since AS b
    ON b.system = l.system AND b.destination = l.destination AND b.partition_id = l.partition_id
CROSS JOIN settings AS z
WHERE
    t.number >= 1000 AND t.partitions > 1 AND l.number > z.hot_share * t.mean
    -- Pearson's test of even load: beyond the mean of chi squared by more than five standard deviations.
    AND t.squares / t.mean - t.number > (t.partitions - 1) + 5 * sqrt(2.0 * (t.partitions - 1))
