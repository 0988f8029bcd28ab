-- gates: none
-- news: place
SELECT
    system, service, instance, consumer_group, instance AS alike, first_time, last_time,
    CASE WHEN kind = 'silent' THEN 'silent' ELSE 'slower' END AS cause,
    CASE WHEN sure THEN 'LIKELY' ELSE 'SUSPECT' END AS at_most,
    CASE
        WHEN kind = 'silent' THEN 'it has not polled for ' || round(level, 1) || ' s, and will pass its limit of '
            || round(bound, 1) || ' s ' || until || ', unless it polls'
        ELSE 'it takes ever longer between two polls, now up to ' || round(level, 1)
            || ' s, and will pass its limit of ' || round(bound, 1) || ' s ' || until
    END AS detail
FROM outlooks
WHERE kind = 'silent' OR kind = 'poll'
