-- gates: none
-- news: place
SELECT
    system, service, destination, consumer_group, first_time, last_time,
    greatest(cast(round(level) AS BIGINT), 1) AS weight, 'overtaken' AS cause,
    CASE WHEN sure THEN 'LIKELY' ELSE 'SUSPECT' END AS at_most,
    'the broker will delete messages that it has not read ' || until || '; now it is '
    || cast(round(level) AS BIGINT) || ' messages ahead of that' AS detail
FROM outlooks
WHERE kind = 'margin'
