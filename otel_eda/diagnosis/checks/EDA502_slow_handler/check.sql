-- gates: none
-- news: place
WITH work AS (
    SELECT
        system, service, instance, destination, consumer_group, partition_id, message_offset, message, trace_id,
        span_id, started, ended, ended - started - CAST(coalesce(waited, 0) * 1000000000 AS BIGINT) AS taken
    FROM works
    WHERE outcome = 'ok' OR outcome = 'error'
),

usual AS (
    SELECT
        system, service, destination, consumer_group, median(taken) AS taken, max(taken) AS longest,
        count(*) AS number
    FROM work
    GROUP BY system, service, destination, consumer_group
),

-- Where no attempt took long, none needs to be put in order.
suspicious AS (
    SELECT w.*
    FROM work AS w
    JOIN usual AS u
        ON u.system = w.system AND u.service = w.service AND u.destination IS NOT DISTINCT FROM w.destination
        AND u.consumer_group IS NOT DISTINCT FROM w.consumer_group
    CROSS JOIN settings AS z
    WHERE u.longest > coalesce(z.handler_bound, greatest(10 * u.taken, 100000000))
),

-- Of each ten attempts in a row: the shortest, and how long it took until all of them had begun.
row_of_ten AS (
    SELECT
        *, count(*) OVER ten AS number, min(taken) OVER ten AS least, max(started) OVER ten - started AS lasted
    FROM suspicious
    WINDOW ten AS (
        PARTITION BY system, service, destination, consumer_group ORDER BY started, span_id
        ROWS BETWEEN CURRENT ROW AND 9 FOLLOWING
    )
),

-- The greatest such shortest time of the rows that an attempt is in. One pause of the process makes slow what is at
-- work at that moment, but no row that lasts for a second.
lasting AS (
    SELECT
        *,
        max(CASE WHEN number = 10 AND lasted >= 1000000000 THEN least END) OVER (
            PARTITION BY system, service, destination, consumer_group ORDER BY started, span_id
            ROWS BETWEEN 9 PRECEDING AND CURRENT ROW
        ) AS steadily
    FROM row_of_ten
),

slow AS (
    SELECT
        w.*, u.taken AS usual, z.handler_bound,
        coalesce(w.steadily > greatest(10 * u.taken, 100000000), false) AS steady
    FROM lasting AS w
    JOIN usual AS u
        ON u.system = w.system AND u.service = w.service AND u.destination IS NOT DISTINCT FROM w.destination
        AND u.consumer_group IS NOT DISTINCT FROM w.consumer_group
    CROSS JOIN settings AS z
    WHERE
        (z.handler_bound IS NOT NULL AND w.taken > z.handler_bound)
        OR (
            z.handler_bound IS NULL AND u.number >= 20
            AND (
                w.taken > greatest(10 * u.taken, 1000000000)
                OR w.steadily > greatest(10 * u.taken, 100000000)
            )
        )
),

-- The last message that a process pulled may be in its hand until it closes its client. So may one that was settled
-- be until the next is pulled, whatever the process does meanwhile.
last AS (
    SELECT instance, destination, consumer_group, max(started) AS started
    FROM works
    WHERE (instance, destination) IN (SELECT DISTINCT s.instance, s.destination FROM slow AS s)
    GROUP BY instance, destination, consumer_group
),

child AS (
    SELECT
        c.trace_id, c.parent_id, max(c.ended - c.started) AS taken, max_by(c.name, c.ended - c.started) AS name,
        min(CASE WHEN c.type = 'settle' THEN c.ended END) AS settled
    FROM operations AS c
    JOIN slow AS s ON s.trace_id = c.trace_id AND s.span_id = c.parent_id
    GROUP BY c.trace_id, c.parent_id
)

SELECT
    s.system, s.service, s.instance, s.destination, s.consumer_group, s.partition_id, s.message_offset,
    CASE WHEN s.message_offset IS NULL THEN s.message END AS message,
    s.trace_id, s.span_id, s.started AS first_time, s.ended AS last_time,
    CASE WHEN c.taken > 0.5 * s.taken THEN 'child' ELSE 'own-work' END AS cause,
    CASE
        WHEN
            ((l.started = s.started AND NOT s.steady) OR c.settled - s.started < 0.5 * s.taken)
            AND NOT coalesce(c.taken > 0.5 * s.taken, false)
            THEN 'SUSPECT'
        WHEN s.handler_bound IS NULL THEN 'LIKELY'
    END AS at_most,
    'took ' || round(s.taken / 1000000000.0, 3) || ' s, usually ' || round(s.usual / 1000000000.0, 3) || ' s'
    || CASE WHEN c.taken > 0.5 * s.taken THEN ', most of it in ' || c.name ELSE '' END AS detail
FROM slow AS s
LEFT JOIN child AS c ON c.trace_id = s.trace_id AND c.parent_id = s.span_id
LEFT JOIN last AS l
    ON l.instance = s.instance AND l.destination IS NOT DISTINCT FROM s.destination
    AND l.consumer_group IS NOT DISTINCT FROM s.consumer_group
