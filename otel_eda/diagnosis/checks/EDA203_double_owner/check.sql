-- gates: G4 G5
-- news: message
WITH attempt AS (
    SELECT
        w.system, w.service, w.instance, w.host, w.destination, w.consumer_group, w.partition_id, w.message_offset,
        w.trace_id, w.span_id, w.started, w.ended
    FROM works AS w
    JOIN around AS a
        ON a.consumer_group = w.consumer_group AND a.destination = w.destination AND a.partition_id = w.partition_id
        AND a.message_offset = w.message_offset
    WHERE a.attempts > 1
),

pair AS (
    SELECT
        *,
        lead(started) OVER turn AS next_started,
        lead(ended) OVER turn AS next_ended,
        lead(instance) OVER turn AS next_instance,
        lead(host) OVER turn AS next_host,
        lead(trace_id) OVER turn AS next_trace,
        lead(span_id) OVER turn AS next_span
    FROM attempt
    WINDOW turn AS (
        PARTITION BY system, destination, consumer_group, partition_id, message_offset ORDER BY started, span_id
    )
)

SELECT
    p.system, p.service, p.instance, p.next_instance AS other_instance, p.host, p.next_host AS other_host,
    p.destination, p.consumer_group, p.partition_id, p.message_offset,
    p.trace_id, p.span_id, p.next_trace AS other_trace_id, p.next_span AS other_span_id,
    p.started AS first_time, greatest(p.ended, p.next_ended) AS last_time,
    'two-members' AS cause,
    'two members had it at the same time, for '
    || round((least(p.ended, p.next_ended) - p.next_started) / 1000000000.0, 3) || ' s' AS detail
FROM pair AS p
CROSS JOIN settings AS t
WHERE p.next_instance <> p.instance AND least(p.ended, p.next_ended) - p.next_started > t.skew
