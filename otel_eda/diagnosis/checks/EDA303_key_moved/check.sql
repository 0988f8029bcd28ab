-- gates: G4
-- news: message
WITH place AS (
    SELECT
        system, destination, key_hash, partition_id,
        min(started) AS first_time, max(started) AS last_time, arg_min(trace_id, started) AS trace_id,
        arg_min(span_id, started) AS span_id, arg_min(service, started) AS service,
        arg_min(instance, started) AS instance
    FROM sends
    WHERE key_hash IS NOT NULL AND partition_id IS NOT NULL AND outcome = 'ok'
    GROUP BY system, destination, key_hash, partition_id
),

moved AS (
    SELECT
        *,
        lead(partition_id) OVER of_key AS next_partition,
        lead(first_time) OVER of_key AS next_first,
        lead(trace_id) OVER of_key AS next_trace,
        lead(span_id) OVER of_key AS next_span,
        lead(instance) OVER of_key AS next_instance
    FROM place
    WINDOW of_key AS (PARTITION BY system, destination, key_hash ORDER BY first_time, partition_id)
)

SELECT
    system, service, instance, next_instance AS other_instance, destination, partition_id, key_hash,
    trace_id, span_id, next_trace AS other_trace_id, next_span AS other_span_id,
    first_time, next_first AS last_time,
    CASE WHEN next_first <= last_time THEN 'mixed-partitioners' ELSE 'partitions-added' END AS cause,
    'messages of one key go to partition ' || partition_id || ', then to ' || next_partition AS detail
FROM moved
WHERE next_partition IS NOT NULL
