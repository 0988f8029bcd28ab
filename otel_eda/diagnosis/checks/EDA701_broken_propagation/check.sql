-- gates: G4
-- news: place
WITH delivered AS (
    SELECT
        system, destination, partition_id, message_offset,
        arg_min(service, started) AS service, arg_min(instance, started) AS instance,
        arg_min(consumer_group, started) AS consumer_group, arg_min(trace_id, started) AS trace_id,
        arg_min(span_id, started) AS span_id, arg_min(parent_id, started) AS parent_id, min(started) AS started,
        max(ended) AS ended, max(message_time) AS message_time
    FROM works
    WHERE message_offset IS NOT NULL AND NOT linked
    GROUP BY system, destination, partition_id, message_offset
),

-- Destinations to which no known service sends, and of whose messages none had a context.
dark AS (
    SELECT destination
    FROM works
    WHERE message_offset IS NOT NULL AND destination IS NOT NULL
    GROUP BY destination
    HAVING
        NOT bool_or(linked) AND destination NOT IN (SELECT destination FROM sends WHERE destination IS NOT NULL)
        AND destination NOT IN (
            SELECT destination FROM readings WHERE name = 'messaging.client.sent.messages' AND destination IS NOT NULL
        )
)

SELECT
    d.system, d.service, s.instance, d.instance AS other_instance, d.destination, d.consumer_group, d.partition_id,
    d.message_offset, s.trace_id, s.span_id, d.trace_id AS other_trace_id, d.span_id AS other_span_id,
    s.started AS first_time, d.ended AS last_time,
    -- If its parent is missing, that may have been the span with the link.
    CASE
        WHEN d.parent_id IS NOT NULL AND p.span_id IS NULL THEN 'SUSPECT'
        -- Another broker of that name has another message at this place: its time tells which one it is, or that another member
        -- of the group gets contexts in this partition.
        WHEN m.instance <> d.instance OR m.instances > 1 THEN 'LIKELY'
        WHEN coalesce(d.message_time < s.started - 1000000000 OR d.message_time > s.ended + 1000000000, true) THEN 'LIKELY'
    END AS at_most,
    CAST(NULL AS BOOLEAN) AS g4, 'not-read' AS cause,
    'sent with a trace context, processed in another trace without a link' AS detail
FROM delivered AS d
JOIN sends AS s
    ON s.system = d.system AND s.destination = d.destination AND s.partition_id = d.partition_id
    AND s.message_offset = d.message_offset
LEFT JOIN (
    SELECT trace_id, span_id, max(CASE WHEN type IN ('send', 'create') THEN 1 ELSE 0 END) AS sent
    FROM operations
    WHERE span_id IN (SELECT e.parent_id FROM delivered AS e)
    GROUP BY trace_id, span_id
) AS p ON p.trace_id = d.trace_id AND p.span_id = d.parent_id
LEFT JOIN (
    SELECT consumer_group, destination, partition_id, min(instance) AS instance, count(DISTINCT instance) AS instances
    FROM works
    WHERE linked AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id
) AS m ON m.consumer_group = d.consumer_group AND m.destination = d.destination AND m.partition_id = d.partition_id
LEFT JOIN (
    SELECT DISTINCT trace_id, span_id, origin_trace, origin_span
    FROM operations
    WHERE type = 'receive' AND origin_span IS NOT NULL AND span_id IN (SELECT e.parent_id FROM delivered AS e)
) AS l ON l.trace_id = d.trace_id AND l.span_id = d.parent_id AND l.origin_trace = s.origin_trace AND l.origin_span = s.origin_span
WHERE
    s.outcome = 'ok' AND s.trace_id <> d.trace_id
    -- A framework may have a span of its own around or within the one with the link.
    AND NOT EXISTS (
        SELECT 1 FROM works AS w
        WHERE
            w.linked AND w.destination = d.destination AND w.partition_id = d.partition_id
            AND w.message_offset = d.message_offset AND w.instance = d.instance
    )
    -- The span of its poll has the link: the context arrived.
    AND l.span_id IS NULL
    -- It continues the trace of another send, as many instrumentations do: the context arrived, and there are two messages at
    -- this place.
    AND coalesce(p.sent, 0) = 0
UNION ALL
SELECT
    d.system, d.service, CAST(NULL AS VARCHAR), d.instance, d.destination, d.consumer_group, d.partition_id,
    d.message_offset, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), d.trace_id, d.span_id,
    d.started, d.ended,
    -- The sender may never have had a context.
    'SUSPECT', true, 'none-came',
    'processed in a trace of its own: it had no context, and no known service sends there'
FROM delivered AS d
JOIN dark AS f ON f.destination = d.destination
