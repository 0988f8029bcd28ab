-- gates: G4 G5
WITH attempt AS (
    SELECT
        system, service, instance, host, destination, consumer_group, partition_id, message_offset, redelivered,
        origin_trace, origin_span, trace_id, span_id, started, ended, outcome,
        CASE
            WHEN message_offset IS NOT NULL THEN partition_id || '@' || message_offset
            ELSE origin_trace || '-' || origin_span
        END AS message
    FROM works
    WHERE
        (message_offset IS NOT NULL OR linked)
        -- Without a group every reader has its own copy.
        AND (consumer_group IS NOT NULL OR system = 'rabbitmq')
),

ordered AS (
    SELECT
        *,
        max(CASE WHEN outcome = 'ok' THEN ended END) OVER earlier AS finished,
        lag(span_id) OVER turn AS first_span,
        lag(trace_id) OVER turn AS first_trace,
        lag(instance) OVER turn AS first_instance,
        lag(host) OVER turn AS first_host
    FROM attempt
    WINDOW
        turn AS (PARTITION BY system, destination, consumer_group, message ORDER BY started, span_id),
        earlier AS (
            PARTITION BY system, destination, consumer_group, message ORDER BY started, span_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
)

SELECT
    system, service, first_instance AS instance, instance AS other_instance, first_host AS host, host AS other_host,
    destination, consumer_group, partition_id, message_offset, message,
    first_trace AS trace_id, first_span AS span_id, trace_id AS other_trace_id, span_id AS other_span_id,
    finished AS first_time, ended AS last_time,
    CASE WHEN instance <> first_instance THEN 'other-member' WHEN redelivered THEN 'not-acked' ELSE 'rewound' END AS cause,
    'processed again ' || round((started - finished) / 1000000000.0, 3) || ' s after it was done' AS detail
FROM ordered
WHERE finished <= started
