-- gates: none
-- news: place
SELECT
    o.system, o.service, o.destination, o.consumer_group, o.first_time, o.last_time,
    greatest(cast(round(o.level) AS BIGINT), 1) AS weight, 'rising' AS cause,
    -- A bound that only follows from the data is nobody's wish.
    CASE WHEN o.sure AND s.lag_bound IS NOT NULL THEN 'LIKELY' ELSE 'SUSPECT' END AS at_most,
    cast(round(o.level) AS BIGINT) || ' messages wait, and it will be ' || cast(round(o.bound) AS BIGINT) || ' '
    || o.until AS detail
FROM outlooks AS o CROSS JOIN settings AS s
WHERE o.kind = 'lag'
