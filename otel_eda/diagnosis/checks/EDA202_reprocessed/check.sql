-- gates: G4 G5
-- news: message
WITH again AS (
    SELECT
        o.system, o.service, o.instance, o.host, o.destination, o.consumer_group, o.partition_id, o.message_offset,
        o.message, o.redelivered, o.reprocessed, o.trace_id, o.span_id, o.started, o.ended, o.finished,
        o.previous_instance, o.previous_host, o.previous_trace, o.previous_span
    FROM attempts AS o
    WHERE
        o.finished <= o.started
        -- Without a group every reader has its own copy.
        AND (o.consumer_group IS NOT NULL OR o.system = 'rabbitmq')
        -- Somebody sent it once more, to be handled later or again: that is a message of its own.
        AND NOT EXISTS (
            SELECT 1 FROM sends AS s
            WHERE
                s.linked AND s.origin_trace = o.origin_trace AND s.origin_span = o.origin_span
                AND o.message_offset IS NULL AND s.started < o.started
        )
),

-- The offset that the group had committed when the message came again, if its commits are known.
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

classified AS (
    SELECT
        a.*,
        CASE
            WHEN p.committed > a.message_offset THEN 'replayed'
            WHEN a.instance <> a.previous_instance THEN 'other-member'
            WHEN a.system = 'rabbitmq' AND a.redelivered THEN 'not-acked'
            ELSE 'rewound'
        END AS cause,
        p.committed
    FROM again AS a
    LEFT JOIN position AS p ON p.destination = a.destination AND p.span_id = a.span_id AND p.message = a.message
),

-- Messages that the ledgers counted and no span shows: not sampled, or lost.
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
    system, service, previous_instance AS instance, instance AS other_instance, previous_host AS host, host AS other_host,
    destination, consumer_group, partition_id, message_offset, message,
    previous_trace AS trace_id, previous_span AS span_id, trace_id AS other_trace_id, span_id AS other_span_id,
    finished AS first_time, ended AS last_time, 1 AS weight, cause,
    -- Somebody may have wanted it, unless it is known that the group had not committed or acknowledged the message.
    CASE WHEN (system = 'rabbitmq' AND redelivered) OR (cause <> 'replayed' AND committed <= message_offset) THEN NULL ELSE 'LIKELY' END
        AS at_most,
    CAST(NULL AS BOOLEAN) AS g4,
    CASE WHEN reprocessed THEN true END AS g5,
    'processed again ' || round((started - finished) / 1000000000.0, 3) || ' s after it was done' AS detail
FROM classified
UNION ALL
SELECT
    system, service, instance, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    destination, consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    first_time, last_time, cast(number AS BIGINT), 'rewound', 'LIKELY', true, true,
    'the consumer''s own ledger counted ' || cast(number AS BIGINT) || ' messages that it had processed successfully before'
FROM counted
WHERE number > 0
