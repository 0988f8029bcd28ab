-- gates: G4
-- news: message
WITH ordered AS (
    SELECT
        *,
        lag(message_offset) OVER of_producer AS previous_offset,
        lag(started) OVER of_producer AS previous_started,
        lag(ended) OVER of_producer AS previous_ended,
        lag(sequence) OVER of_producer AS previous_sequence,
        lag(message_time) OVER of_producer AS previous_time,
        lag(trace_id) OVER of_producer AS previous_trace,
        lag(span_id) OVER of_producer AS previous_span
    FROM sends
    WHERE outcome = 'ok' AND message_offset >= 0 AND partition_id IS NOT NULL AND NOT linked
    WINDOW of_producer AS (
        PARTITION BY system, instance, client_id, destination, partition_id
        ORDER BY coalesce(sequence, 0), started, span_id
    )
),

overtaken AS (
    SELECT o.*
    FROM ordered AS o
    CROSS JOIN settings AS t
    WHERE
        o.message_offset < o.previous_offset
        -- A log that was cut, or made anew, gives lower offsets to messages that were sent when all earlier ones were done.
        AND o.previous_ended >= o.started
        AND (
            o.sequence > o.previous_sequence
            -- Messages of one timestamp were put into the log together: their calls had waited for room in the client.
            OR (o.started > o.previous_started + t.skew AND coalesce(o.message_time <> o.previous_time, true))
        )
),

-- Few requests fail and are sent again. Where every fourth message or more is overtaken, two producers of one name write.
interleaved AS (
    SELECT s.instance, s.client_id, s.destination, s.partition_id
    FROM (
        SELECT instance, client_id, destination, partition_id, count(*) AS number
        FROM ordered
        GROUP BY instance, client_id, destination, partition_id
    ) AS s
    JOIN (
        SELECT instance, client_id, destination, partition_id, count(*) AS number
        FROM overtaken
        GROUP BY instance, client_id, destination, partition_id
    ) AS v
        ON v.instance = s.instance AND v.client_id = s.client_id AND v.destination = s.destination
        AND v.partition_id = s.partition_id
    WHERE v.number >= 5 AND 4 * v.number >= s.number
)

SELECT
    o.system, o.service, o.instance, o.destination, o.partition_id, o.message_offset,
    o.trace_id, o.span_id, o.previous_trace AS other_trace_id, o.previous_span AS other_span_id,
    o.previous_started AS first_time, o.ended AS last_time,
    'retries-in-flight' AS cause,
    -- Without the producer's numbers only the times of the calls are known, and threads may overtake each other.
    -- Producers that were given no name, or the same default name, look like one.
    CASE
        WHEN o.sequence IS NULL AND (o.client_id IS NULL OR o.client_id IN ('rdkafka', 'producer-1')) THEN 'SUSPECT'
        WHEN o.sequence IS NULL AND i.instance IS NOT NULL THEN 'SUSPECT'
        -- The messages' own times are those of the log: the client took the later call's message first, or the broker wrote them.
        WHEN o.sequence IS NULL AND o.message_time < o.previous_time THEN 'SUSPECT'
        WHEN o.sequence IS NULL THEN 'LIKELY'
    END AS at_most,
    'called after the message that got offset ' || o.previous_offset AS detail
FROM overtaken AS o
LEFT JOIN interleaved AS i
    ON i.instance = o.instance AND i.client_id = o.client_id AND i.destination = o.destination AND i.partition_id = o.partition_id
