-- gates: none
-- news: place
WITH total AS (
    SELECT
        system, service, destination, consumer_group, count(DISTINCT message) AS messages,
        count(DISTINCT CASE WHEN outcome = 'error' THEN message END) AS failing
    FROM works
    GROUP BY system, service, destination, consumer_group
),

-- Messages that failed, and succeeded at a later attempt.
passed AS (
    SELECT DISTINCT system, service, destination, consumer_group, message
    FROM works
    WHERE outcome = 'ok' AND message IN (SELECT f.message FROM works AS f WHERE f.outcome = 'error')
),

child AS (
    SELECT DISTINCT trace_id, parent_id
    FROM operations
    WHERE system IS NULL AND kind = 'CLIENT' AND outcome = 'error'
)

SELECT
    o.system, o.service, o.instance, o.destination, o.consumer_group, o.error, o.trace_id, o.span_id,
    o.started AS first_time, o.ended AS last_time,
    CASE WHEN c.parent_id IS NULL THEN 'handler' ELSE 'dependency' END AS cause,
    CASE WHEN p.message IS NULL THEN NULL ELSE 'LIKELY' END AS at_most,
    t.failing || ' of ' || t.messages || ' messages fail: ' || coalesce(o.error_text, o.error) AS detail
FROM works AS o
JOIN total AS t
    ON t.system = o.system AND t.service = o.service AND t.destination IS NOT DISTINCT FROM o.destination
    AND t.consumer_group IS NOT DISTINCT FROM o.consumer_group
CROSS JOIN settings AS z
LEFT JOIN passed AS p
    ON p.system = o.system AND p.service = o.service AND p.destination IS NOT DISTINCT FROM o.destination
    AND p.consumer_group IS NOT DISTINCT FROM o.consumer_group AND p.message = o.message
LEFT JOIN child AS c ON c.trace_id = o.trace_id AND c.parent_id = o.span_id
WHERE o.outcome = 'error' AND t.failing >= 3 AND t.messages >= 10 AND t.failing > z.error_share * t.messages
