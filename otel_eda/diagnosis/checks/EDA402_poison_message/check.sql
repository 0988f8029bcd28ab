-- gates: G1
-- news: message
WITH failing AS (
    SELECT DISTINCT system, destination, consumer_group
    FROM works
    WHERE outcome <> 'ok'
),

-- Of spans one within the other, as those of several layers are, only the innermost is an attempt.
named AS (
    SELECT
        w.*,
        coalesce(lead(w.started) OVER layers < w.ended AND lead(w.ended) OVER layers <= w.ended, false) AS around_another
    FROM works AS w
    JOIN failing AS f
        ON f.system = w.system AND f.destination IS NOT DISTINCT FROM w.destination
        AND f.consumer_group IS NOT DISTINCT FROM w.consumer_group
    WHERE w.message_offset IS NOT NULL OR w.origin_span IS NOT NULL
    WINDOW layers AS (
        PARTITION BY w.system, w.destination, w.consumer_group, w.replica, w.message, w.instance
        ORDER BY w.started, w.ended DESC
    )
),

attempt AS (
    SELECT
        system, destination, consumer_group, replica, message,
        count(CASE WHEN NOT around_another THEN 1 END) AS attempts,
        max(CASE WHEN outcome = 'ok' THEN 1 ELSE 0 END) AS finished,
        count(DISTINCT error) AS errors, max(error) AS error, max(error_text) AS error_text,
        max(CASE WHEN outcome = 'abandoned' THEN 1 ELSE 0 END) AS abandoned, max(batch) AS batch,
        count(CASE WHEN outcome = 'rejected' THEN 1 END) AS put_back,
        max(CASE WHEN redelivered OR deaths > 0 THEN 1 ELSE 0 END) AS redelivered,
        max(partition_id) AS partition_id, max(message_offset) AS message_offset,
        min(started) AS first_time, max(ended) AS last_time, count(DISTINCT instance) AS instances,
        arg_min(service, started) AS service, arg_min(instance, started) AS instance,
        arg_min(trace_id, started) AS trace_id, arg_min(span_id, started) AS span_id,
        arg_max(trace_id, ended) AS last_trace, arg_max(span_id, ended) AS last_span,
        arg_max(instance, started) AS last_instance,
        max(origin_trace) AS origin_trace, max(origin_span) AS origin_span, max(started) AS last_started
    FROM named
    -- Messages of different creations that have one place are of two clusters, or of a topic made anew.
    GROUP BY
        system, destination, consumer_group, replica, message, CASE WHEN linked THEN origin_trace || origin_span END
),

total AS (
    SELECT
        system, destination, consumer_group, count(DISTINCT message) AS messages,
        count(DISTINCT CASE WHEN finished = 1 THEN message END) AS finished
    FROM attempt
    GROUP BY system, destination, consumer_group
),

poison AS (
    SELECT a.*
    FROM attempt AS a
    JOIN total AS t
        ON t.system = a.system AND t.destination IS NOT DISTINCT FROM a.destination
        AND t.consumer_group IS NOT DISTINCT FROM a.consumer_group
    CROSS JOIN settings AS z
    WHERE
        a.attempts >= z.attempts AND a.finished = 0 AND a.errors <= 1
        AND t.messages >= 5 AND t.finished >= 0.9 * (t.messages - 1)
),

-- Readers without a group that came no further, one process after the other: each began anew, and failed at one message.
stopped AS (
    SELECT
        a.*, lag(a.last_time) OVER processes AS previous_end
    FROM attempt AS a
    WHERE
        a.system = 'kafka' AND a.consumer_group IS NULL AND a.message_offset IS NOT NULL AND a.replica = a.instance
        AND NOT EXISTS (
            SELECT 1 FROM works AS w
            WHERE w.instance = a.instance AND w.destination = a.destination AND w.started > a.last_started
        )
        -- In an outage the first one fails.
        AND EXISTS (
            SELECT 1 FROM works AS w
            WHERE w.instance = a.instance AND w.destination = a.destination AND w.outcome = 'ok' AND w.started < a.first_time
        )
    WINDOW processes AS (PARTITION BY a.service, a.destination, a.message ORDER BY a.first_time)
),

each_start AS (
    SELECT
        s.system, s.service, s.destination, s.message, s.partition_id, s.message_offset, max(s.error) AS error,
        max(s.error_text) AS error_text, min(s.first_time) AS first_time, max(s.last_time) AS last_time,
        arg_min(s.instance, s.first_time) AS instance, arg_min(s.trace_id, s.first_time) AS trace_id,
        arg_min(s.span_id, s.first_time) AS span_id, sum(s.attempts) AS attempts
    FROM stopped AS s
    CROSS JOIN settings AS z
    WHERE s.finished = 0
    GROUP BY s.system, s.service, s.destination, s.message, s.partition_id, s.message_offset, z.attempts
    HAVING
        count(*) >= z.attempts AND count(DISTINCT s.error) <= 1 AND sum(s.abandoned) = 0
        AND bool_and(s.previous_end IS NULL OR s.previous_end <= s.first_time)
),

-- How long messages took that failed and then succeeded.
recovered AS (
    SELECT system, destination, consumer_group, max(last_time - first_time) AS taken
    FROM attempt
    WHERE finished = 1 AND attempts > 1
    GROUP BY system, destination, consumer_group
),

-- Messages that the last attempt, or its process after that, sent on: they may be done elsewhere.
onward AS (
    SELECT p.last_trace, p.last_span
    FROM poison AS p
    JOIN sends AS s ON s.trace_id = p.last_trace AND s.instance = p.last_instance
    WHERE s.outcome = 'ok' AND s.started >= p.last_started
    UNION
    SELECT p.last_trace, p.last_span
    FROM poison AS p
    JOIN sends AS s ON s.origin_trace = p.origin_trace AND s.origin_span = p.origin_span
    WHERE s.outcome = 'ok' AND s.linked AND s.started >= p.first_time
    UNION
    -- The broker put it into another queue, where the same service was done with it.
    SELECT p.last_trace, p.last_span
    FROM poison AS p
    JOIN works AS w ON w.origin_trace = p.origin_trace AND w.origin_span = p.origin_span AND w.service = p.service
    WHERE p.message_offset IS NULL AND w.outcome = 'ok' AND w.started >= p.last_started
    UNION
    SELECT e.trace_id, e.span_id FROM excused AS e
),

-- Messages of which another try succeeded, in the same service: the last attempt, or its process after that, sent them
-- back to where they came from, or to where they are tried again.
tried_again AS (
    SELECT DISTINCT p.last_trace, p.last_span
    FROM poison AS p
    JOIN retried AS s ON s.trace_id = p.last_trace AND s.instance = p.last_instance
    WHERE s.started >= p.last_started AND (s.kind = 'retry' OR s.destination = p.destination)
),

-- When its group committed past such a message.
passed AS (
    SELECT p.consumer_group, p.destination, p.partition_id, p.message_offset, min(c.ended) AS ended
    FROM poison AS p
    JOIN commits AS c
        ON c.consumer_group = p.consumer_group AND c.destination = p.destination AND c.partition_id = p.partition_id
    WHERE c.committed > p.message_offset AND c.ended >= p.last_time
    GROUP BY p.consumer_group, p.destination, p.partition_id, p.message_offset
),

-- How far a group has come in each partition.
come AS (
    SELECT consumer_group, destination, partition_id, max(next) AS next
    FROM (
        SELECT consumer_group, destination, partition_id, committed AS next FROM commits
        UNION ALL
        SELECT consumer_group, destination, partition_id, message_offset + 1 FROM works WHERE outcome = 'ok' AND message_offset IS NOT NULL
    ) AS c
    WHERE consumer_group IS NOT NULL
    GROUP BY consumer_group, destination, partition_id
),

-- Polls that failed alike, as they do where a client or its deserialiser cannot read a message.
polls AS (
    SELECT
        system, consumer_group, error, error_text, count(*) AS attempts, min(started) AS first_time, max(ended) AS last_time,
        arg_min(service, started) AS service, arg_min(instance, started) AS instance,
        arg_min(trace_id, started) AS trace_id, arg_min(span_id, started) AS span_id
    FROM operations
    WHERE type = 'receive' AND outcome = 'error' AND consumer_group IS NOT NULL
    GROUP BY system, consumer_group, error, error_text
),

-- The message that the group is to get next, when nothing has come since the first of these polls.
next_message AS (
    SELECT
        p.*, s.destination, s.partition_id, s.message_offset,
        count(*) OVER (PARTITION BY p.consumer_group, p.error, p.error_text) AS candidates
    FROM polls AS p
    JOIN come AS c ON c.consumer_group = p.consumer_group
    JOIN sends AS s ON s.destination = c.destination AND s.partition_id = c.partition_id AND s.message_offset = c.next
    WHERE
        s.outcome = 'ok'
        AND NOT EXISTS (
            SELECT 1 FROM works AS w WHERE w.consumer_group = p.consumer_group AND w.started > p.first_time
        )
),

-- How often a process received each message of its batches, and up to where the group received any.
received AS (
    SELECT
        system, service, instance, destination, consumer_group, partition_id, message_offset,
        count(DISTINCT span_id) AS attempts, max(batch) AS batch, min(started) AS first_time, max(ended) AS last_time,
        arg_max(trace_id, started) AS trace_id, arg_max(span_id, started) AS span_id,
        max(max(message_offset)) OVER (PARTITION BY consumer_group, destination, partition_id) AS top
    FROM operations
    WHERE type = 'receive' AND outcome = 'ok' AND consumer_group IS NOT NULL AND message_offset IS NOT NULL
    GROUP BY system, service, instance, destination, consumer_group, partition_id, message_offset
),

-- The batch that comes again and again, and past which the group does not get, though there is more.
held_up AS (
    SELECT r.*
    FROM received AS r
    CROSS JOIN settings AS z
    JOIN (
        SELECT destination, partition_id, max(message_offset) AS last
        FROM sends
        WHERE outcome = 'ok' AND message_offset >= 0
        GROUP BY destination, partition_id
    ) AS s ON s.destination = r.destination AND s.partition_id = r.partition_id
    LEFT JOIN (
        SELECT consumer_group, destination, partition_id, max(committed) AS committed
        FROM commits
        GROUP BY consumer_group, destination, partition_id
    ) AS c ON c.consumer_group = r.consumer_group AND c.destination = r.destination AND c.partition_id = r.partition_id
    WHERE
        r.attempts >= z.attempts AND r.batch > 1 AND r.message_offset > r.top - r.batch AND s.last > r.top
        AND c.committed <= r.message_offset
        -- Whose attempts show how they ended is judged by them.
        AND NOT EXISTS (
            SELECT 1 FROM works AS w
            WHERE
                w.consumer_group = r.consumer_group AND w.destination = r.destination AND w.partition_id = r.partition_id
                AND w.message_offset = r.message_offset AND w.outcome <> 'ok'
        )
),

-- Attempts in which an error was logged: their handlers caught it.
noted AS (
    SELECT w.consumer_group, w.destination, w.trace_id, w.span_id, w.message, max(e.error) AS error
    FROM works AS w
    JOIN events AS e ON e.trace_id = w.trace_id AND e.span_id = w.span_id
    WHERE e.name = 'exception' AND e.error IS NOT NULL AND w.consumer_group IS NOT NULL AND w.message_offset IS NOT NULL
    GROUP BY w.consumer_group, w.destination, w.trace_id, w.span_id, w.message
),

-- What each member had of a partition, one after the other.
turns AS (
    SELECT
        w.*, coalesce(n.error, w.error) AS trouble, n.span_id IS NOT NULL OR w.outcome <> 'ok' AS troubled,
        lag(w.message_offset) OVER (
            PARTITION BY w.consumer_group, w.destination, w.partition_id, w.instance ORDER BY w.started, w.ended DESC
        ) AS previous_offset
    FROM works AS w
    LEFT JOIN noted AS n ON n.trace_id = w.trace_id AND n.span_id = w.span_id AND n.message = w.message
    WHERE w.message_offset IS NOT NULL AND (w.consumer_group, w.destination) IN (SELECT m.consumer_group, m.destination FROM noted AS m)
),

-- Messages to which a member went back at once, each time, when an error had been logged.
gone_back AS (
    SELECT
        t.system, t.service, t.instance, t.destination, t.consumer_group, t.partition_id, t.message_offset, t.message,
        max(t.trouble) AS error, count(*) AS attempts, min(t.started) AS first_time, max(t.ended) AS last_time,
        arg_min(t.trace_id, t.started) AS trace_id, arg_min(t.span_id, t.started) AS span_id
    FROM turns AS t
    CROSS JOIN settings AS z
    GROUP BY
        t.system, t.service, t.instance, t.destination, t.consumer_group, t.partition_id, t.message_offset, t.message, z.attempts
    HAVING
        count(*) >= z.attempts AND bool_and(t.troubled) AND bool_or(t.outcome = 'ok') AND count(DISTINCT t.trouble) = 1
        AND count(CASE WHEN t.previous_offset = t.message_offset THEN 1 END) = count(*) - 1
),

-- Of how many messages of each group, and for how many an error was logged.
noisy AS (
    SELECT
        consumer_group, destination, count(DISTINCT message) AS messages,
        count(DISTINCT CASE WHEN troubled THEN message END) AS troubled
    FROM turns
    GROUP BY consumer_group, destination
)

SELECT
    a.system, a.service, a.instance, a.destination, a.consumer_group, a.partition_id, a.message_offset, a.message,
    a.error, a.trace_id, a.span_id, a.first_time, a.last_time, a.message AS alike, a.attempts AS weight,
    CASE WHEN a.abandoned = 1 AND a.put_back = 0 THEN 'kills-the-process' ELSE 'handler' END AS cause,
    CASE
        -- Attempts whose end was not seen may have been cut off, a long job for instance by one deploy after another. If
        -- each was in another process, it rather ended them. A context that no send made may be that of several messages.
        WHEN (a.abandoned = 1 AND a.error IS NULL AND a.instances < a.attempts - a.put_back) OR (a.message_offset IS NULL AND s.span_id IS NULL) THEN 'SUSPECT'
        -- An instrumentation that does not name the queue makes the copies of several queues look like one message.
        WHEN a.system = 'rabbitmq' AND a.instances = a.attempts AND a.redelivered = 0 AND a.put_back = 0 THEN 'SUSPECT'
        -- Who puts a message back without an error may wait for something.
        -- It is being tried, or has not been left alone for as long as it was tried, or its fellows were tried for as long before
        -- they succeeded: it may succeed yet. The broker's own limit of attempts ends them, and so does an attempt that ends
        -- its process each time.
        WHEN (a.instances < a.attempts OR a.abandoned = 0) AND d.origin_span IS NULL
            AND v.last_time - a.last_time < greatest(z.grace, 3 * coalesce(r.taken, 0), a.last_time - a.first_time) THEN 'LIKELY'
        -- An error of the broker's own client is about the connection, the group or what the handler sends.
        WHEN regexp_matches(a.error, '^(pika|aio_pika|aiormq|kafka|aiokafka|cimpl|confluent_kafka|zmq)[.]') THEN 'LIKELY'
        -- Of a batch that one call is given, one message may fail them all.
        WHEN a.abandoned = 1 OR a.put_back > 0 OR a.batch > 1 OR o.last_span IS NOT NULL OR NOT coalesce(h.whole AND h.until >= a.last_time, false) THEN 'LIKELY'
        -- Metrics do not show what was done after they were read: an attempt may have succeeded before the commit.
        WHEN i.complete_until < u.ended THEN 'LIKELY'
    END AS at_most,
    CASE
        WHEN a.put_back > 0 THEN a.attempts || ' attempts, ' || a.put_back || ' of them ended without an error and put it back'
        ELSE a.attempts || ' attempts, all failed alike: ' || coalesce(a.error || ': ' || a.error_text, a.error, 'never finished')
    END AS detail
FROM poison AS a
LEFT JOIN onward AS o ON o.last_trace = a.last_trace AND o.last_span = a.last_span
LEFT JOIN tried_again AS n ON n.last_trace = a.last_trace AND n.last_span = a.last_span
JOIN services AS v ON v.service = a.service
CROSS JOIN settings AS z
LEFT JOIN recovered AS r
    ON r.system = a.system AND r.destination IS NOT DISTINCT FROM a.destination
    AND r.consumer_group IS NOT DISTINCT FROM a.consumer_group
LEFT JOIN (
    SELECT DISTINCT origin_trace, origin_span FROM works WHERE deaths > 0
) AS d ON d.origin_trace = a.origin_trace AND d.origin_span = a.origin_span
LEFT JOIN senders AS h ON h.service = a.service AND h.instance = a.last_instance
LEFT JOIN completeness AS i
    ON i.service = a.service AND i.instance = a.last_instance AND i.destination = a.destination AND i.type = 'process'
LEFT JOIN passed AS u
    ON u.consumer_group = a.consumer_group AND u.destination = a.destination AND u.partition_id = a.partition_id
    AND u.message_offset = a.message_offset
LEFT JOIN (
    SELECT DISTINCT trace_id, span_id
    FROM operations
    WHERE type IN ('send', 'create') AND span_id IN (SELECT e.origin_span FROM poison AS e)
) AS s ON s.trace_id = a.origin_trace AND s.span_id = a.origin_span
WHERE n.last_span IS NULL
UNION ALL
SELECT
    n.system, n.service, n.instance, n.destination, n.consumer_group, n.partition_id, n.message_offset,
    n.partition_id || '@' || n.message_offset, n.error, n.trace_id, n.span_id, n.first_time, n.last_time,
    n.partition_id || '@' || n.message_offset, n.attempts, 'deserialiser', 'SUSPECT',
    n.attempts || ' polls failed alike where it is next: ' || coalesce(n.error || ': ' || n.error_text, n.error)
FROM next_message AS n
CROSS JOIN settings AS z
WHERE n.candidates = 1 AND n.attempts >= z.attempts
UNION ALL
SELECT
    h.system, h.service, h.instance, h.destination, h.consumer_group, h.partition_id, h.message_offset,
    h.partition_id || '@' || h.message_offset, CAST(NULL AS VARCHAR), h.trace_id, h.span_id, h.first_time, h.last_time,
    'batch', h.attempts, 'batch', 'SUSPECT',
    'its batch came ' || h.attempts || ' times, and the group did not get past it'
FROM held_up AS h
UNION ALL
SELECT
    e.system, e.service, e.instance, e.destination, CAST(NULL AS VARCHAR), e.partition_id, e.message_offset, e.message,
    e.error, e.trace_id, e.span_id, e.first_time, e.last_time, e.message, e.attempts, 'handler', 'LIKELY',
    e.attempts || ' processes, one after the other, ended with it: ' || coalesce(e.error || ': ' || e.error_text, e.error)
FROM each_start AS e
WHERE NOT EXISTS (
    SELECT 1 FROM works AS w
    WHERE
        w.service = e.service AND w.destination = e.destination AND w.partition_id = e.partition_id
        AND w.message_offset = e.message_offset AND w.outcome = 'ok'
)
UNION ALL
SELECT
    g.system, g.service, g.instance, g.destination, g.consumer_group, g.partition_id, g.message_offset, g.message,
    g.error, g.trace_id, g.span_id, g.first_time, g.last_time, g.message, g.attempts, 'handler',
    -- Who goes on in the end may have found another way.
    CASE WHEN c.next > g.message_offset + 1 OR p.committed > g.message_offset THEN 'SUSPECT' ELSE 'LIKELY' END,
    g.attempts || ' attempts, an error was logged in each, and it went back: ' || g.error
FROM gone_back AS g
JOIN noisy AS n ON n.consumer_group = g.consumer_group AND n.destination = g.destination
LEFT JOIN (
    SELECT consumer_group, destination, partition_id, max(message_offset) + 1 AS next
    FROM works
    GROUP BY consumer_group, destination, partition_id
) AS c ON c.consumer_group = g.consumer_group AND c.destination = g.destination AND c.partition_id = g.partition_id
LEFT JOIN (
    SELECT consumer_group, destination, partition_id, max(committed) AS committed
    FROM commits
    GROUP BY consumer_group, destination, partition_id
) AS p ON p.consumer_group = g.consumer_group AND p.destination = g.destination AND p.partition_id = g.partition_id
WHERE
    n.messages >= 5 AND n.troubled - 1 <= 0.1 * (n.messages - 1)
    -- Nobody had it without an error.
    AND NOT EXISTS (
        SELECT 1 FROM turns AS t
        WHERE
            t.consumer_group = g.consumer_group AND t.destination = g.destination AND t.partition_id = g.partition_id
            AND t.message_offset = g.message_offset AND NOT t.troubled
    )
