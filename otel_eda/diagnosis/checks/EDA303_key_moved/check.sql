-- gates: G1 G4
-- news: message
WITH keyed AS (
    SELECT * FROM sends WHERE key_hash <> '' AND partition_id IS NOT NULL AND outcome = 'ok'
),

place AS (
    SELECT
        count(*) AS number, system, destination, key_hash, partition_id,
        min(started) AS first_time, max(started) AS last_time, arg_min(trace_id, started) AS trace_id,
        arg_min(span_id, started) AS span_id, arg_min(service, started) AS service,
        arg_min(instance, started) AS instance, count(DISTINCT service) AS services
    FROM keyed
    GROUP BY system, destination, key_hash, partition_id
),

-- When each partition had its first message.
partition AS (
    SELECT system, destination, partition_id, min(first_time) AS first_time
    FROM place
    GROUP BY system, destination, partition_id
),

moved AS (
    SELECT
        *,
        lead(partition_id) OVER of_key AS next_partition,
        lead(first_time) OVER of_key AS next_first,
        lead(trace_id) OVER of_key AS next_trace,
        lead(span_id) OVER of_key AS next_span,
        lead(service) OVER of_key AS next_service,
        lead(instance) OVER of_key AS next_instance,
        lead(services) OVER of_key AS next_services,
        lead(number) OVER of_key AS next_number
    FROM place
    WINDOW of_key AS (PARTITION BY system, destination, key_hash ORDER BY first_time, partition_id)
),

classified AS (
    SELECT
        m.*,
        CASE
            WHEN m.service <> m.next_service AND m.services = 1 AND m.next_services = 1 THEN 'mixed-partitioners'
            WHEN m.next_first > m.last_time AND p.first_time > m.last_time THEN 'partitions-added'
            ELSE 'spread'
        END AS cause
    FROM moved AS m
    JOIN partition AS p
        ON p.system = m.system AND p.destination = m.destination AND p.partition_id = m.next_partition
    WHERE m.next_partition IS NOT NULL
)

SELECT
    c.system, c.service, c.instance, c.next_instance AS other_instance, c.destination, partition_id, key_hash,
    trace_id, span_id, next_trace AS other_trace_id, next_span AS other_span_id,
    first_time, next_first AS last_time, cause,
    -- Producers may name the partitions on purpose, or take them in turn.
    'LIKELY' AS at_most,
    'messages of one key go to partition ' || partition_id || ', then to ' || next_partition AS detail
FROM classified AS c
