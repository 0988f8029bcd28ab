-- gates: none
-- news: message
-- scope: all destinations
WITH RECURSIVE busy AS (
    SELECT trace_id
    FROM sends
    CROSS JOIN settings AS z
    WHERE destination IS NOT NULL
    GROUP BY trace_id, service, destination, z.loop
    HAVING count(DISTINCT parent_id) > coalesce(z.loop, 3)
),

span AS (
    SELECT DISTINCT trace_id, span_id, parent_id, service, destination, type, started, ended, system, instance
    FROM operations
    WHERE trace_id IN (SELECT trace_id FROM busy)
),

-- From each send up through the spans that caused it.
path AS (
    SELECT
        trace_id, span_id, service, destination, system, instance, started, ended,
        parent_id AS above, 1 AS times, 1 AS depth
    FROM span
    WHERE type = 'send'
    UNION ALL
    SELECT
        w.trace_id, w.span_id, w.service, w.destination, w.system, w.instance, w.started, w.ended,
        s.parent_id AS above,
        w.times + CASE WHEN s.type = 'send' AND s.service = w.service AND s.destination = w.destination THEN 1 ELSE 0 END,
        w.depth + 1
    FROM path AS w
    JOIN span AS s ON s.trace_id = w.trace_id AND s.span_id = w.above
    WHERE w.depth < 200
),

longest AS (
    SELECT
        trace_id, service, destination, max(times) AS times, max(system) AS system,
        arg_min(instance, started) AS instance, arg_min(span_id, started) AS span_id, min(started) AS first_time, max(ended) AS last_time
    FROM path
    GROUP BY trace_id, service, destination
)

SELECT
    l.system, l.service, l.instance, l.destination, l.trace_id, l.span_id, l.first_time, l.last_time,
    l.trace_id AS message, 'goes-round' AS cause,
    -- The steps of a saga, the pages of a list, a clock's ticks and retries look the same: only a person knows how many there
    -- should be at most.
    CASE WHEN z.loop IS NULL THEN 'LIKELY' END AS at_most,
    'one event came back ' || (l.times - 1) || ' times to be sent there again' AS detail
FROM longest AS l
CROSS JOIN settings AS z
WHERE l.times > coalesce(z.loop, 3)
