-- gates: none
-- news: place
WITH usual AS (
    SELECT
        system, service, destination, consumer_group, count(*) AS number,
        quantile_cont(ended - started, 0.99) AS taken
    FROM works
    WHERE outcome = 'ok'
    GROUP BY system, service, destination, consumer_group
),

-- A message that is still at work has no span yet; the consumer measures its age.
age AS (
    SELECT
        system, service, instance, destination, consumer_group, max(value) * 1000000000 AS taken, max(time) AS last_time
    FROM metrics
    WHERE name = 'eda.consumer.in_flight_age'
    GROUP BY system, service, instance, destination, consumer_group
)

SELECT
    w.system, w.service, w.instance, w.destination, w.consumer_group, w.partition_id, w.message_offset,
    w.trace_id, w.span_id, w.started AS first_time, w.ended AS last_time,
    'never-returned' AS cause,
    -- Its end was not seen: it may have been cut off by a deploy, or handed on.
    'SUSPECT' AS at_most,
    'given up after ' || round((w.ended - w.started) / 1000000000.0, 3) || ' s; 99 % of the others took less than '
    || round(u.taken / 1000000000.0, 3) || ' s' AS detail
FROM works AS w
JOIN usual AS u
    ON u.system = w.system AND u.service = w.service AND u.destination IS NOT DISTINCT FROM w.destination
    AND u.consumer_group IS NOT DISTINCT FROM w.consumer_group
WHERE w.outcome = 'abandoned' AND u.number >= 20 AND w.ended - w.started > greatest(10 * u.taken, 1000000000)
UNION ALL
SELECT
    a.system, a.service, a.instance, a.destination, a.consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT),
    CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), cast(a.last_time - a.taken AS BIGINT), a.last_time, 'still-at-work', 'LIKELY',
    'at work for ' || round(a.taken / 1000000000.0, 3) || ' s; 99 % of the others took less than '
    || round(u.taken / 1000000000.0, 3) || ' s'
FROM age AS a
JOIN usual AS u
    ON u.system = a.system AND u.service = a.service AND u.destination IS NOT DISTINCT FROM a.destination
    AND u.consumer_group IS NOT DISTINCT FROM a.consumer_group
WHERE
    u.number >= 20 AND a.taken > greatest(10 * u.taken, 1000000000)
    -- Once the message is done, its span shows how long it took: that is a slow handler.
    AND NOT EXISTS (
        SELECT 1 FROM works AS w
        WHERE w.service = a.service AND w.destination = a.destination AND 2 * (w.ended - w.started) > a.taken
    )
