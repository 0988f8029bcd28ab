-- gates: none
-- news: place
WITH backlog AS (
    SELECT
        o.*,
        CASE
            WHEN o.needed > o.partitions THEN 'too-slow'
            WHEN o.needed IS NOT NULL THEN 'too-few'
            WHEN o.earliest - o.last_time > s.catch_up THEN 'late'
        END AS cause
    FROM outlooks AS o CROSS JOIN settings AS s
    WHERE o.kind = 'backlog'
)

SELECT
    system, service, destination, consumer_group, first_time, last_time,
    greatest(cast(round(level) AS BIGINT), 1) AS weight, cause,
    CASE WHEN sure THEN 'LIKELY' ELSE 'SUSPECT' END AS at_most,
    cast(round(level) AS BIGINT) || ' messages wait; ' || round(comes, 1) || ' a second come, and ' || members
    || ' members do ' || round(done, 1)
    || CASE
        WHEN cause = 'too-slow' THEN ': so many as there are partitions, ' || partitions || ', would not do'
        WHEN cause = 'too-few' THEN ': ' || needed || ' members would do'
        ELSE '; they will be done ' || until
    END AS detail
FROM backlog
WHERE cause IS NOT NULL
