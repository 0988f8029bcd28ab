-- gates: none
-- news: place
WITH shared AS (
    SELECT consumer_group, destination, partition_id
    FROM works
    -- Members that each have a copy of everything hand nothing over.
    WHERE consumer_group IS NOT NULL AND partition_id IS NOT NULL AND replica IS NULL
    GROUP BY consumer_group, destination, partition_id
    HAVING min(instance) < max(instance)
),

layers AS (
    SELECT
        w.system, w.service, w.consumer_group, w.destination, w.partition_id, w.instance, w.started, w.ended, w.trace_id,
        w.span_id, w.message_offset, w.linked, w.origin_span,
        lag(w.message_offset) OVER owner AS outer_offset, lag(w.ended) OVER owner AS outer_ended
    FROM works AS w
    JOIN shared AS s
        ON s.consumer_group = w.consumer_group AND s.destination = w.destination AND s.partition_id = w.partition_id
    WHERE w.replica IS NULL
    WINDOW owner AS (PARTITION BY w.system, w.consumer_group, w.destination, w.partition_id ORDER BY w.started, w.span_id)
),

attempt AS (
    SELECT
        system, service, consumer_group, destination, partition_id, instance, started, trace_id, span_id,
        message_offset, lag(message_offset) OVER owner AS previous_offset,
        lag(message_offset) OVER own AS own_offset, lag(ended) OVER own AS own_ended, lag(started) OVER owner AS previous_started,
        lag(instance) OVER owner AS previous, lag(trace_id) OVER owner AS previous_trace, lag(span_id) OVER owner AS previous_span
    FROM layers
    -- Within another's attempt at the message, its worker works.
    WHERE NOT coalesce(outer_offset = message_offset AND outer_ended >= ended, false)
    WINDOW
        owner AS (PARTITION BY system, consumer_group, destination, partition_id ORDER BY started, span_id),
        own AS (PARTITION BY system, consumer_group, destination, partition_id, instance ORDER BY started, span_id)
),

-- Two members that have different messages at one place have one each out of two logs: of two clusters, for instance.
apart_from AS (
    SELECT DISTINCT a.consumer_group, a.destination, a.partition_id, a.instance, b.instance AS previous
    FROM layers AS a
    JOIN layers AS b
        ON b.consumer_group = a.consumer_group AND b.destination = a.destination AND b.partition_id = a.partition_id
        AND b.message_offset = a.message_offset
    WHERE a.linked AND b.linked AND a.instance <> b.instance AND a.origin_span <> b.origin_span
),

change AS (
    SELECT c.*
    FROM attempt AS c
    LEFT JOIN apart_from AS o
        ON o.consumer_group = c.consumer_group AND o.destination = c.destination AND o.partition_id = c.partition_id
        AND o.instance = c.instance AND o.previous = c.previous
    WHERE
        c.previous <> c.instance AND o.instance IS NULL
        -- So has who goes on where it was itself, and not where the other one was.
        AND NOT coalesce(c.own_offset = c.message_offset - 1 AND c.previous_offset <> c.message_offset - 1, false)
        -- Or who had not ended its own message yet when the other one began: both have the partition.
        AND NOT coalesce(c.own_offset = c.message_offset - 1 AND c.previous_started < c.own_ended, false)
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
),

presence AS (
    SELECT consumer_group, destination, instance, min(first_time) AS first_time, max(last_time) AS last_time
    FROM (
        SELECT consumer_group, destination, instance, time AS first_time, time AS last_time FROM handovers
        UNION ALL
        SELECT consumer_group, destination, instance, started, ended FROM works
    ) AS p
    WHERE consumer_group IS NOT NULL
    GROUP BY consumer_group, destination, instance
),

-- How many members there were at once, at most.
crowd AS (
    SELECT consumer_group, destination, max(present) AS present, count(*) AS members
    FROM (
        SELECT a.consumer_group, a.destination, a.instance, count(*) AS present
        FROM presence AS a
        JOIN presence AS b
            ON b.consumer_group = a.consumer_group AND b.destination = a.destination
            AND b.first_time <= a.first_time AND b.last_time >= a.first_time
        GROUP BY a.consumer_group, a.destination, a.instance
    ) AS n
    GROUP BY consumer_group, destination
),

-- Each member that comes or goes has all partitions given anew. So many changes come of starting each member once, and, if
-- each was replaced by one other, of its end.
deploy AS (
    SELECT
        consumer_group, destination,
        CASE WHEN members <= 2 * present THEN members * CASE WHEN members > present THEN 2 ELSE 1 END ELSE 0 END AS changes
    FROM crowd
)

SELECT
    c.system, c.service, c.previous AS instance, c.instance AS other_instance, c.destination, c.consumer_group,
    c.partition_id, c.previous_trace AS trace_id, c.previous_span AS span_id, c.trace_id AS other_trace_id, c.span_id AS other_span_id,
    c.started AS first_time, c.started AS last_time,
    CASE WHEN s.members > s.changes / s.partitions THEN 'deploys' ELSE 'flapping' END AS cause,
    -- Many deploys in a row look the same, and so do two groups of one name, each with a broker of its own.
    CASE WHEN s.changes <= d.changes * s.partitions OR NOT e.one THEN 'SUSPECT' ELSE 'LIKELY' END AS at_most,
    s.changes || ' times another member went on with a partition, in '
    || round((s.last_time - s.first_time) / 1000000000.0, 0) || ' s' AS detail
FROM change AS c
JOIN storm AS s
    ON s.system = c.system AND s.consumer_group = c.consumer_group AND s.destination = c.destination
LEFT JOIN deploy AS d ON d.consumer_group = s.consumer_group AND d.destination = s.destination
JOIN epochs AS e ON e.destination = s.destination
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
    r.system, r.service, r.first_instance, r.last_instance, r.destination, r.consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), r.first_time, r.last_time,
    -- Where each member had each partition once, nobody got one back.
    CASE WHEN r.members >= r.changes / r.partitions THEN 'deploys' ELSE 'flapping' END,
    CASE WHEN r.changes <= d.changes * r.partitions THEN 'SUSPECT' ELSE 'LIKELY' END,
    r.changes || ' times a member was given a partition, in '
    || round((r.last_time - r.first_time) / 1000000000.0, 0) || ' s'
FROM reported AS r
LEFT JOIN deploy AS d ON d.consumer_group = r.consumer_group AND d.destination = r.destination
WHERE
    r.changes >= 6 AND r.changes > 3 * r.partitions AND r.changes * 60000000000 >= 3 * (r.last_time - r.first_time)
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
