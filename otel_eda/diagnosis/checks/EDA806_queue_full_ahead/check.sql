-- gates: none
-- news: place
SELECT
    o.system, o.service, o.destination, o.first_time, o.last_time,
    greatest(cast(round(o.level) AS BIGINT), 1) AS weight, 'filling' AS cause,
    CASE WHEN o.sure AND s.depth_bound IS NOT NULL THEN 'LIKELY' ELSE 'SUSPECT' END AS at_most,
    'the queue holds ' || cast(round(o.level) AS BIGINT) || ' messages, and will hold '
    || cast(round(o.bound) AS BIGINT) || ' ' || o.until AS detail
FROM outlooks AS o CROSS JOIN settings AS s
WHERE o.kind = 'depth'
