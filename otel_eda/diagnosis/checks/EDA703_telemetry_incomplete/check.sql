-- gates: none
-- news: place
-- scope: all destinations
WITH orphan AS (
    SELECT o.service, arg_min(o.instance, o.started) AS instance, count(DISTINCT o.span_id) AS number,
        arg_min(o.trace_id, o.started) AS trace_id, arg_min(o.span_id, o.started) AS span_id, min(o.started) AS first_time, max(o.ended) AS last_time
    FROM operations AS o
    WHERE o.parent_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM operations AS p WHERE p.span_id = o.parent_id AND p.trace_id = o.trace_id)
        -- In telemetry that is being watched, a parent may still be at work, or it may be older than the window.
        AND o.service NOT IN (SELECT k.service FROM watermarks AS k)
    GROUP BY o.service
),

-- Processes whose SDK counts that it sampled every span.
kept AS (
    SELECT service, instance
    FROM readings
    WHERE name = 'otel.sdk.span.started'
    GROUP BY service, instance
    HAVING bool_and(sampling = 'RECORD_AND_SAMPLE')
),

-- Processes whose SDK counts that its sampler left spans out.
left_out AS (
    SELECT DISTINCT service, instance
    FROM readings
    WHERE name = 'otel.sdk.span.started' AND sampling <> 'RECORD_AND_SAMPLE' AND value > 0
),

fewer AS (
    SELECT
        c.*,
        c.lost = 0 AND (l.instance IS NOT NULL OR (c.seen * 2 < c.counted AND k.instance IS NULL)) AS sampled
    FROM completeness AS c
    LEFT JOIN left_out AS l ON l.service = c.service AND l.instance = c.instance
    LEFT JOIN kept AS k ON k.service = c.service AND k.instance = c.instance
    WHERE c.around < c.counted
)

SELECT
    service, instance, destination, cast(counted - seen AS BIGINT) AS weight, until AS last_time,
    CAST(NULL AS VARCHAR) AS trace_id, CAST(NULL AS VARCHAR) AS span_id,
    CASE WHEN sampled THEN 'sampled' ELSE 'dropped' END AS cause,
    CASE WHEN sampled THEN 'SUSPECT' ELSE 'LIKELY' END AS at_most,
    'metrics count ' || cast(counted AS BIGINT) || ' messages (' || type || '), there are spans of ' || seen AS detail
FROM fewer
UNION ALL
SELECT
    service, instance, CAST(NULL AS VARCHAR), number, last_time, trace_id, span_id,
    'orphans' AS cause, 'LIKELY' AS at_most,
    number || ' spans have a parent that is not there' AS detail
FROM orphan
UNION ALL
SELECT
    service, min(instance), CAST(NULL AS VARCHAR), cast(max(lost) AS BIGINT), max(until), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    'dropped' AS cause, 'LIKELY' AS at_most,
    'the SDK counted that it lost ' || cast(max(lost) AS BIGINT) || ' spans' AS detail
FROM completeness
WHERE lost > 0
GROUP BY service
UNION ALL
SELECT
    service, min(instance), CAST(NULL AS VARCHAR), cast(sum(value) AS BIGINT), max(time), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), 'own-failures' AS cause, 'LIKELY' AS at_most,
    cast(sum(value) AS BIGINT) || ' steps of the instrumentation failed' AS detail
FROM readings
WHERE name = 'eda.telemetry.failures' AND value > 0
GROUP BY service
