-- gates: none
WITH load AS (
    SELECT
        system, destination, partition_id, count(*) AS number, min(started) AS first_time, max(ended) AS last_time,
        min(service) AS service, min(trace_id) AS trace_id, min(span_id) AS span_id, count(DISTINCT key_hash) AS keys,
        max(instance) AS instance
    FROM sends
    WHERE outcome = 'ok' AND partition_id IS NOT NULL
    GROUP BY system, destination, partition_id
),

total AS (
    SELECT
        system, destination, sum(number) AS number, count(*) AS partitions, avg(number) AS mean,
        sum(number * number) AS squares
    FROM load
    GROUP BY system, destination
)

SELECT
    l.system, l.service, l.instance, l.destination, l.partition_id, l.trace_id, l.span_id, l.first_time, l.last_time,
    l.number AS weight,
    CASE WHEN l.keys > 0 AND l.keys < 10 THEN 'few-keys' ELSE 'skew' END AS cause,
    -- A sticky partitioner is uneven for a while, too.
    CASE WHEN l.keys > 0 THEN NULL ELSE 'LIKELY' END AS at_most,
    l.number || ' of ' || t.number || ' messages, ' || round(l.number / t.mean, 1) || ' times the mean of '
    || t.partitions || ' partitions' AS detail
FROM load AS l
JOIN total AS t ON t.system = l.system AND t.destination = l.destination
CROSS JOIN settings AS z
WHERE
    t.number >= 1000 AND t.partitions > 1 AND l.number > z.hot_share * t.mean
    -- Pearson's test of even load: beyond the mean of chi squared by more than five standard deviations.
    AND t.squares / t.mean - t.number > (t.partitions - 1) + 5 * sqrt(2.0 * (t.partitions - 1))
