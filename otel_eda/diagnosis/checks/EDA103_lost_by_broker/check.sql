-- gates: G1 G4
-- news: message
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
        lead(s.trace_id) OVER same_offset AS next_trace,
        lead(s.span_id) OVER same_offset AS next_span,
        lead(s.ended) OVER same_offset AS next_ended,
        lead(s.instance) OVER same_offset AS next_instance,
        lead(s.server) OVER same_offset AS next_server
    FROM sends AS s
    JOIN place AS p
        ON p.system = s.system AND p.destination = s.destination
        AND p.partition_id = s.partition_id AND p.message_offset = s.message_offset
    WHERE s.outcome = 'ok'
    WINDOW same_offset AS (
        PARTITION BY s.system, s.destination, s.partition_id, s.message_offset ORDER BY s.ended, s.span_id
    )
),

-- A topic that was created again counts from 0; a log that lost its end continues at a later offset. So what tells is
-- the lowest offset that was given since the first one was given for a second time.
turned AS (
    SELECT
        destination, partition_id, max(ended) AS before, min(next_ended) AS ended,
        -- Two clusters of one name give their offsets to different processes.
        bool_and(instance = next_instance) AS one
    FROM acked
    WHERE next_span IS NOT NULL
    GROUP BY destination, partition_id
),

-- How each process went through a partition of a broker: where the log was cut, the offsets of those who send to it fall.
course AS (
    SELECT
        destination, partition_id, instance, server, min(ended) AS first_time, max(ended) AS last_time,
        coalesce(bool_or(message_offset <= previous), false) AS fell
    FROM (
        SELECT
            s.destination, s.partition_id, s.instance, coalesce(s.server, '') AS server, s.ended, s.message_offset,
            lag(s.message_offset) OVER own AS previous
        FROM sends AS s
        JOIN turned AS t ON t.destination = s.destination AND t.partition_id = s.partition_id
        WHERE s.outcome = 'ok' AND s.message_offset >= 0
        WINDOW own AS (PARTITION BY s.destination, s.partition_id, s.instance, s.server ORDER BY s.ended, s.message_offset)
    ) AS o
    GROUP BY destination, partition_id, instance, server
),

-- Who has the same offsets at the same time, each in order, sends to two logs: two processes, or one that has two brokers.
two_logs AS (
    SELECT a.destination, a.partition_id
    FROM acked AS a
    JOIN course AS f
        ON f.destination = a.destination AND f.partition_id = a.partition_id AND f.instance = a.instance
        AND f.server = coalesce(a.server, '')
    JOIN course AS n
        ON n.destination = a.destination AND n.partition_id = a.partition_id AND n.instance = a.next_instance
        AND n.server = coalesce(a.next_server, '')
    WHERE a.next_span IS NOT NULL
    GROUP BY a.destination, a.partition_id
    HAVING
        bool_and(
            (f.instance <> n.instance OR f.server <> n.server) AND NOT f.fell AND NOT n.fell
            AND f.last_time > n.first_time AND n.last_time > f.first_time
        )
),

again AS (
    SELECT t.destination, t.partition_id, min(s.message_offset) AS lowest
    FROM turned AS t
    JOIN sends AS s ON s.destination = t.destination AND s.partition_id = t.partition_id
    WHERE s.outcome = 'ok' AND s.message_offset >= 0 AND s.ended > least(t.before, t.ended - 1)
    GROUP BY t.destination, t.partition_id
),

-- Members that went on past the cut. A topic that was made anew has nothing for them where they were, so they begin again.
passed AS (
    SELECT DISTINCT destination, partition_id
    FROM (
        SELECT
            w.destination, w.partition_id,
            max(CASE WHEN w.started <= t.ended THEN w.message_offset END) AS highest,
            min(CASE WHEN w.started > t.ended THEN w.message_offset END) AS next
        FROM works AS w
        JOIN turned AS t ON t.destination = w.destination AND t.partition_id = w.partition_id
        GROUP BY w.destination, w.partition_id, w.consumer_group, w.instance
    ) AS m
    WHERE next > highest
),

-- Where all is of one log: one process had both acknowledgements, the message before is known, and a reader went on.
certain AS (
    SELECT t.destination, t.partition_id
    FROM turned AS t
    JOIN again AS g ON g.destination = t.destination AND g.partition_id = t.partition_id
    JOIN passed AS p ON p.destination = t.destination AND p.partition_id = t.partition_id
    WHERE t.one AND EXISTS (
        SELECT 1 FROM sends AS s
        WHERE s.destination = t.destination AND s.partition_id = t.partition_id AND s.message_offset = g.lowest - 1
    )
),

-- Messages that every group of the topic had finished: whoever deletes the topic after that loses nothing by it.
finished AS (
    SELECT w.origin_trace, w.origin_span
    FROM works AS w
    JOIN (
        SELECT destination, count(DISTINCT coalesce(consumer_group, service)) AS number
        FROM works
        WHERE destination IN (SELECT t.destination FROM turned AS t)
        GROUP BY destination
    ) AS r ON r.destination = w.destination
    WHERE w.outcome = 'ok'
    GROUP BY w.origin_trace, w.origin_span, r.number
    HAVING count(DISTINCT coalesce(w.consumer_group, w.service)) = r.number
),

-- The end of a log as each consumer reports it, and the highest end that the consumer had reported before.
reach AS (
    SELECT
        system, service, instance, host, consumer_group, destination, partition_id, partition_start, partition_end, time,
        max(partition_end) OVER earlier AS highest,
        max(time) OVER earlier AS until
    FROM events
    WHERE name = 'eda.consumer.position' AND partition_end IS NOT NULL
    WINDOW earlier AS (
        PARTITION BY service, instance, client_id, consumer_group, destination, partition_id ORDER BY time
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),

fell AS (
    SELECT
        system, destination, partition_id, min(service) AS service, min(instance) AS instance, min(host) AS host,
        min(partition_end) AS partition_end, max(highest) AS highest, max(partition_start) AS partition_start,
        min(until) AS until, max(time) AS time
    FROM reach
    WHERE partition_end < highest
    GROUP BY system, destination, partition_id
),

-- If another message is at the offset by now, the first half of this query shows it.
kept AS (
    SELECT s.*
    FROM sends AS s
    WHERE
        s.outcome = 'ok'
        AND NOT EXISTS (
            SELECT 1 FROM acked AS b
            WHERE
                b.destination = s.destination AND b.partition_id = s.partition_id AND b.message_offset = s.message_offset
        )
)

SELECT
    a.system, a.service, a.instance, a.next_instance AS other_instance, a.destination, a.partition_id, a.message_offset,
    a.trace_id, a.span_id, a.next_trace AS other_trace_id, a.next_span AS other_span_id,
    a.started AS first_time, a.next_ended AS last_time,
    CASE WHEN g.lowest = 0 THEN 'recreated' ELSE 'truncated' END AS cause,
    CASE
        WHEN l.destination IS NOT NULL OR (g.lowest = 0 AND f.origin_span IS NOT NULL) THEN 'SUSPECT'
        WHEN g.lowest = 0 OR e.destination IS NULL THEN 'LIKELY'
    END AS at_most,
    CAST(NULL AS BOOLEAN) AS g1,
    'the broker acknowledged two different messages at this offset: the first one is gone' AS detail
FROM acked AS a
JOIN again AS g ON g.destination = a.destination AND g.partition_id = a.partition_id
LEFT JOIN certain AS e ON e.destination = a.destination AND e.partition_id = a.partition_id
LEFT JOIN finished AS f ON f.origin_trace = a.origin_trace AND f.origin_span = a.origin_span
LEFT JOIN two_logs AS l ON l.destination = a.destination AND l.partition_id = a.partition_id
WHERE a.next_span IS NOT NULL
UNION ALL
SELECT
    f.system, coalesce(s.service, f.service), coalesce(s.instance, f.instance), f.instance, f.destination, f.partition_id,
    coalesce(s.message_offset, f.partition_end), s.trace_id, s.span_id, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    coalesce(s.started, f.until), f.time,
    -- A log that begins at 0 may be that of a topic created again.
    CASE WHEN f.partition_start > 0 THEN 'truncated' ELSE 'recreated' END,
    -- A new leader may name an earlier end as long as it does not know how far the other replicas are.
    'LIKELY', true,
    'the log ended at ' || f.highest || ' and now ends at ' || f.partition_end || ': the messages after that are gone'
FROM fell AS f
LEFT JOIN kept AS s
    ON s.system = f.system AND s.destination = f.destination AND s.partition_id = f.partition_id
    AND s.message_offset >= f.partition_end AND s.message_offset < f.highest AND s.ended <= f.until
WHERE
    s.span_id IS NOT NULL
    OR NOT EXISTS (
        SELECT 1 FROM acked AS b
        WHERE
            b.destination = f.destination AND b.partition_id = f.partition_id
            AND b.message_offset >= f.partition_end AND b.message_offset < f.highest
    )
