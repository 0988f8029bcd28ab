-- gates: none
WITH usual AS (
    SELECT
        system, service, destination, consumer_group, count(*) AS number,
        quantile_cont(ended - started, 0.99) AS taken
    FROM works
    WHERE outcome = 'ok'
    GROUP BY system, service, destination, consumer_group
)

SELECT
    w.system, w.service, w.instance, w.destination, w.consumer_group, w.partition_id, w.message_offset,
    w.trace_id, w.span_id, w.started AS first_time, w.ended AS last_time,
    'never-returned' AS cause,
    -- A job may take long.
    'LIKELY' AS at_most,
    'given up after ' || round((w.ended - w.started) / 1000000000.0, 3) || ' s; 99 % of the others took less than '
    || round(u.taken / 1000000000.0, 3) || ' s' AS detail
FROM works AS w
JOIN usual AS u
    ON u.system = w.system AND u.service = w.service AND u.destination IS NOT DISTINCT FROM w.destination
    AND u.consumer_group IS NOT DISTINCT FROM w.consumer_group
WHERE w.outcome = 'abandoned' AND u.number >= 20 AND w.ended - w.started > greatest(10 * u.taken, 1000000000)
