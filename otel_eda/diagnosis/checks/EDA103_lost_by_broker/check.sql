-- gates: G4
WITH place AS (
    SELECT system, destination, partition_id, message_offset
    FROM sends
    WHERE outcome = 'ok' AND message_offset >= 0 AND partition_id IS NOT NULL
    GROUP BY system, destination, partition_id, message_offset
    HAVING count(DISTINCT origin_span) > 1
),

acked AS (
    SELECT
        s.*,
        row_number() OVER (
            PARTITION BY s.system, s.destination, s.partition_id, s.message_offset ORDER BY s.ended, s.span_id
        ) AS turn,
        lead(s.trace_id) OVER (
            PARTITION BY s.system, s.destination, s.partition_id, s.message_offset ORDER BY s.ended, s.span_id
        ) AS next_trace,
        lead(s.span_id) OVER (
            PARTITION BY s.system, s.destination, s.partition_id, s.message_offset ORDER BY s.ended, s.span_id
        ) AS next_span,
        lead(s.ended) OVER (
            PARTITION BY s.system, s.destination, s.partition_id, s.message_offset ORDER BY s.ended, s.span_id
        ) AS next_ended,
        lead(s.instance) OVER (
            PARTITION BY s.system, s.destination, s.partition_id, s.message_offset ORDER BY s.ended, s.span_id
        ) AS next_instance
    FROM sends AS s
    JOIN place AS p
        ON p.system = s.system AND p.destination = s.destination
        AND p.partition_id = s.partition_id AND p.message_offset = s.message_offset
    WHERE s.outcome = 'ok'
),

-- A topic that was made anew counts from 0 again; a log that lost its end goes on from somewhere.
again AS (
    SELECT destination, partition_id, min(message_offset) AS lowest FROM acked GROUP BY destination, partition_id
)

SELECT
    a.system, a.service, a.instance, a.next_instance AS other_instance, a.destination, a.partition_id, a.message_offset,
    a.trace_id, a.span_id, a.next_trace AS other_trace_id, a.next_span AS other_span_id,
    a.started AS first_time, a.next_ended AS last_time,
    CASE WHEN g.lowest = 0 THEN 'recreated' ELSE 'truncated' END AS cause,
    CASE WHEN g.lowest = 0 THEN 'LIKELY' END AS at_most,
    'the broker acknowledged two different messages at this offset: the first is gone' AS detail
FROM acked AS a
JOIN again AS g ON g.destination = a.destination AND g.partition_id = a.partition_id
WHERE a.next_span IS NOT NULL
