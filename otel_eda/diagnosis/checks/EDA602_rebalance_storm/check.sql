-- gates: none
-- news: place
WITH attempt AS (
    SELECT
        system, service, consumer_group, destination, partition_id, instance, started, trace_id, span_id,
        lag(instance) OVER owner AS previous, lag(trace_id) OVER owner AS previous_trace, lag(span_id) OVER owner AS previous_span
    FROM works
    WHERE consumer_group IS NOT NULL AND partition_id IS NOT NULL
    WINDOW owner AS (PARTITION BY system, consumer_group, destination, partition_id ORDER BY started, span_id)
),

change AS (
    SELECT * FROM attempt WHERE previous <> instance
),

storm AS (
    SELECT
        system, consumer_group, destination, count(*) AS changes, count(DISTINCT partition_id) AS partitions,
        count(DISTINCT instance) AS members, min(started) AS first_time, max(started) AS last_time
    FROM change
    GROUP BY system, consumer_group, destination
),

reported AS (
    SELECT
        system, consumer_group, destination, min(service) AS service, min(instance) AS first_instance,
        max(instance) AS last_instance, count(*) AS changes, count(DISTINCT partition_id) AS partitions,
        count(DISTINCT instance) AS members, min(time) AS first_time, max(time) AS last_time
    FROM handovers
    -- Without a group nothing is handed from one member to another.
    WHERE name = 'eda.consumer.assigned' AND consumer_group IS NOT NULL
    GROUP BY system, consumer_group, destination
)

SELECT
    c.system, c.service, c.previous AS instance, c.instance AS other_instance, c.destination, c.consumer_group,
    c.partition_id, c.previous_trace AS trace_id, c.previous_span AS span_id, c.trace_id AS other_trace_id, c.span_id AS other_span_id,
    c.started AS first_time, c.started AS last_time,
    CASE WHEN s.members > s.changes / s.partitions THEN 'deploys' ELSE 'flapping' END AS cause,
    -- Many deploys in a row look the same.
    'LIKELY' AS at_most,
    s.changes || ' times another member went on with a partition, in '
    || round((s.last_time - s.first_time) / 1000000000.0, 0) || ' s' AS detail
FROM change AS c
JOIN storm AS s
    ON s.system = c.system AND s.consumer_group = c.consumer_group AND s.destination = c.destination
WHERE
    -- A deploy moves a partition once or twice. A storm moves it again and again, at least three times a minute.
    s.changes >= 6 AND s.changes > 3 * s.partitions
    AND s.changes * 60000000000 >= 3 * (s.last_time - s.first_time)
    -- Reports of the members themselves are better.
    AND NOT EXISTS (
        SELECT 1 FROM reported AS t WHERE t.consumer_group = s.consumer_group AND t.destination = s.destination
    )
UNION ALL
SELECT
    system, service, first_instance, last_instance, destination, consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), first_time, last_time,
    CASE WHEN members > changes / partitions THEN 'deploys' ELSE 'flapping' END, 'LIKELY',
    changes || ' times a member was given a partition, in '
    || round((last_time - first_time) / 1000000000.0, 0) || ' s'
FROM reported
WHERE
    changes >= 6 AND changes > 3 * partitions AND changes * 60000000000 >= 3 * (last_time - first_time)
UNION ALL
SELECT
    system, service, instance, CAST(NULL AS VARCHAR), destination, consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), started, time, 'flapping', 'LIKELY',
    cast(value AS BIGINT) || ' assignments and revocations in ' || round((time - started) / 1000000000.0, 0) || ' s'
FROM readings
WHERE
    name = 'eda.consumer.assignments'
    -- A consumer's own count includes its start and its end.
    AND NOT EXISTS (SELECT 1 FROM reported AS t WHERE t.consumer_group = readings.consumer_group)
    AND value >= 20 AND time > started AND value * 60000000000 >= 8 * (time - started)
