-- gates: none
-- news: place
SELECT
    system, service, destination, consumer_group, first_time, last_time,
    CASE
        WHEN kind = 'rate' AND rose THEN 'busier'
        WHEN kind = 'rate' THEN 'quieter'
        WHEN kind = 'duration' THEN 'slower'
        ELSE 'failing'
    END AS cause,
    CASE WHEN sure THEN 'LIKELY' ELSE 'SUSPECT' END AS at_most,
    CASE
        WHEN kind = 'rate' THEN 'since ' || since || ' UTC ' || round(now, 2) || ' messages a second come, where '
            || round(earlier, 2) || ' were usual'
        WHEN kind = 'duration' THEN 'since ' || since || ' UTC processing takes ' || round(now * 1000, 1)
            || ' ms, where ' || round(earlier * 1000, 1) || ' ms were usual'
        ELSE 'since ' || since || ' UTC ' || round(now * 100, 1) || ' % of the attempts fail, where '
            || round(earlier * 100, 1) || ' % were usual'
    END AS detail
FROM shifts
