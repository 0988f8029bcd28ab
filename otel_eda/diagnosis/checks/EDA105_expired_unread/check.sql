-- gates: G1 G2 G3
-- news: message
-- scope: all destinations
WITH expired AS (
    SELECT * FROM works WHERE death_reason = 'expired' OR death_reason = 'maxlen'
),

-- The sends of the message; the last one put it where it was dead-lettered.
path AS (
    SELECT
        e.trace_id, e.span_id, s.destination AS queue, s.trace_id AS sent_trace, s.parent_id,
        row_number() OVER (PARTITION BY e.trace_id, e.span_id ORDER BY s.started DESC) AS place
    FROM expired AS e
    JOIN sends AS s ON s.origin_trace = e.origin_trace AND s.origin_span = e.origin_span AND s.started <= e.started
),

-- Queues that somebody reads. A queue that nobody reads may be a delay.
read AS (
    SELECT DISTINCT s.destination AS queue
    FROM sends AS s
    JOIN works AS w ON w.origin_trace = s.origin_trace AND w.origin_span = s.origin_span
    WHERE coalesce(w.deaths, 0) = 0 AND NOT s.linked
),

-- Messages that came back to where they, or the messages that caused them, were before: a retry after a delay.
retried AS (
    SELECT e.trace_id, e.span_id
    FROM expired AS e
    JOIN works AS w
        ON w.origin_trace = e.origin_trace AND w.origin_span = e.origin_span AND w.destination = e.destination
        AND w.started < e.started
    UNION
    SELECT e.trace_id, e.span_id
    FROM expired AS e
    JOIN path AS y ON y.trace_id = e.trace_id AND y.span_id = e.span_id AND y.place = 1
    JOIN works AS w ON w.trace_id = y.sent_trace AND w.span_id = y.parent_id AND w.destination = e.destination
),

-- Queues for what could not be done, by their names.
graves AS (
    SELECT DISTINCT destination
    FROM expired
    WHERE regexp_matches(lower(destination), 'dead|dlq|dlx|fail|error|park|poison|expired')
),

reader AS (
    SELECT
        consumer_group, destination, partition_id, min(message_offset) AS lowest, max(message_offset) AS highest,
        max(service) AS service, max(instance) AS instance
    FROM works
    WHERE consumer_group IS NOT NULL AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id
),

-- Where the log begins, as far as members know: earlier messages are gone.
beginning AS (
    SELECT destination, partition_id, max(partition_start) AS start
    FROM events
    WHERE partition_start > 0
    GROUP BY destination, partition_id
)

SELECT
    e.system, e.service, e.instance, e.destination, e.consumer_group, CAST(NULL AS VARCHAR) AS partition_id,
    CAST(NULL AS BIGINT) AS message_offset, e.message_id AS message, e.trace_id, e.span_id,
    e.origin_trace AS other_trace_id, e.origin_span AS other_span_id, e.started AS first_time, e.ended AS last_time,
    e.death_reason AS alike,
    CASE WHEN e.death_reason = 'expired' THEN 'time-to-live' ELSE 'queue-full' END AS cause,
    CASE
        WHEN e.death_reason = 'expired' AND r.queue IS NULL THEN 'SUSPECT'
        -- To do something when the time is over may be what the queue is for.
        WHEN e.death_reason = 'expired' AND e.outcome = 'ok' AND g.destination IS NULL THEN 'LIKELY'
    END AS at_most,
    CASE
        WHEN e.death_reason = 'expired' THEN 'it waited longer than allowed and was dead-lettered'
        ELSE 'its queue was full, so it was dead-lettered'
    END AS detail,
    true AS g1, true AS g2, true AS g3
FROM expired AS e
LEFT JOIN path AS y ON y.trace_id = e.trace_id AND y.span_id = e.span_id AND y.place = 1
LEFT JOIN read AS r ON r.queue = y.queue
LEFT JOIN graves AS g ON g.destination = e.destination
WHERE
    NOT EXISTS (SELECT 1 FROM retried AS a WHERE a.trace_id = e.trace_id AND a.span_id = e.span_id)
    -- It expired in a queue that nobody reads, into one for work, and was processed there: it was delayed.
    AND NOT (
        e.death_reason = 'expired' AND e.outcome = 'ok' AND y.queue IS NOT NULL AND r.queue IS NULL AND g.destination IS NULL
    )
UNION ALL
SELECT
    s.system, r.service, r.instance, s.destination, r.consumer_group, s.partition_id, s.message_offset,
    CAST(NULL AS VARCHAR), s.trace_id, s.span_id, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), s.started, s.ended,
    CAST(NULL AS VARCHAR), 'retention',
    -- The group may have jumped over it before it was gone.
    'LIKELY',
    'no member of the group had it, and the log now begins at offset ' || b.start,
    CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN)
FROM sends AS s
JOIN reader AS r ON r.destination = s.destination AND r.partition_id = s.partition_id
JOIN beginning AS b ON b.destination = s.destination AND b.partition_id = s.partition_id
WHERE
    s.outcome = 'ok' AND s.message_offset > r.lowest AND s.message_offset < r.highest AND s.message_offset < b.start
    AND NOT EXISTS (
        SELECT 1 FROM operations AS o
        WHERE
            (o.type = 'process' OR o.type = 'receive') AND o.consumer_group = r.consumer_group
            AND o.destination = s.destination AND o.partition_id = s.partition_id AND o.message_offset = s.message_offset
    )
