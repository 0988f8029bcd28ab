-- gates: G4 G5
-- news: message
WITH attempt AS (
    SELECT
        system, service, instance, host, destination, consumer_group, partition_id, message_offset, redelivered,
        reprocessed, origin_trace, origin_span, trace_id, span_id, started, ended, outcome,
        CASE
            WHEN message_offset IS NOT NULL THEN partition_id || '@' || message_offset
            ELSE origin_trace || '-' || origin_span
        END AS message
    FROM works AS w
    WHERE
        (
            (message_offset IS NULL AND linked)
            OR EXISTS (
                SELECT 1 FROM around AS r
                WHERE
                    r.attempts > 1 AND r.consumer_group IS NOT DISTINCT FROM w.consumer_group
                    AND r.destination = w.destination AND r.partition_id = w.partition_id
                    AND r.message_offset = w.message_offset
            )
        )
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
),

again AS (
    SELECT *
    FROM ordered AS o
    WHERE
        finished <= started
        -- Somebody has sent it once more, to be handled later or again: that is a message of its own.
        AND NOT EXISTS (
            SELECT 1 FROM sends AS s
            WHERE
                s.linked AND s.origin_trace = o.origin_trace AND s.origin_span = o.origin_span
                AND o.message_offset IS NULL AND s.started < o.started
        )
),

-- What the group had committed when the message came again, if its commits are known at all.
line AS (
    SELECT
        consumer_group, destination, partition_id, ended AS time, committed,
        CAST(NULL AS VARCHAR) AS span_id, CAST(NULL AS VARCHAR) AS message
    FROM commits
    UNION ALL
    SELECT consumer_group, destination, partition_id, started, CAST(NULL AS BIGINT), span_id, message FROM again
),

position AS (
    SELECT
        destination, span_id, message,
        CASE WHEN count(committed) OVER whole > 0 THEN coalesce(max(committed) OVER before, 0) END AS committed
    FROM line
    WINDOW
        whole AS (PARTITION BY consumer_group, destination, partition_id),
        before AS (PARTITION BY consumer_group, destination, partition_id ORDER BY time)
),

told AS (
    SELECT
        a.*,
        CASE
            WHEN p.committed > a.message_offset THEN 'replayed'
            WHEN a.instance <> a.first_instance THEN 'other-member'
            WHEN a.system = 'rabbitmq' AND a.redelivered THEN 'not-acked'
            ELSE 'rewound'
        END AS cause,
        p.committed
    FROM again AS a
    LEFT JOIN position AS p ON p.destination = a.destination AND p.span_id = a.span_id AND p.message = a.message
),

-- What the ledgers counted where no span tells of it: sampled away, or lost.
counted AS (
    SELECT
        system, service, instance, destination, consumer_group, min(started) AS first_time, max(time) AS last_time,
        sum(value) AS number
    FROM readings AS r
    WHERE
        name = 'eda.reprocessed.messages'
        AND NOT EXISTS (SELECT 1 FROM again AS a WHERE a.service = r.service AND a.destination = r.destination)
    GROUP BY system, service, instance, destination, consumer_group
)

SELECT
    system, service, first_instance AS instance, instance AS other_instance, first_host AS host, host AS other_host,
    destination, consumer_group, partition_id, message_offset, message,
    first_trace AS trace_id, first_span AS span_id, trace_id AS other_trace_id, span_id AS other_span_id,
    finished AS first_time, ended AS last_time, 1 AS weight, cause,
    -- Somebody may have wanted it, unless it is known that the message had not been committed or acknowledged.
    CASE WHEN (system = 'rabbitmq' AND redelivered) OR (cause <> 'replayed' AND committed <= message_offset) THEN NULL ELSE 'LIKELY' END
        AS at_most,
    CAST(NULL AS BOOLEAN) AS g4,
    CASE WHEN reprocessed THEN true END AS g5,
    'processed again ' || round((started - finished) / 1000000000.0, 3) || ' s after it was done' AS detail
FROM told
UNION ALL
SELECT
    system, service, instance, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    destination, consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    first_time, last_time, cast(number AS BIGINT), 'rewound', 'LIKELY', true, true,
    'the consumer''s own ledger counted ' || cast(number AS BIGINT) || ' messages that it had processed with success before'
FROM counted
WHERE number > 0
