-- gates: G1 G4 G5
-- news: message
WITH again AS (
    SELECT
        o.system, o.service, o.instance, o.host, o.destination, o.consumer_group, o.partition_id, o.message_offset,
        o.message, o.message_id, o.server, o.linked, o.origin_trace, o.origin_span, o.redelivered, o.reprocessed, o.trace_id, o.span_id,
        o.started, o.ended, o.finished, o.ended_well, o.previous_instance, o.previous_host, o.previous_trace, o.previous_span,
        o.previous_ended - o.previous_started AS first_took, count(*) OVER copies AS times, max(o.previous_ended - o.previous_started) OVER copies AS longest
    FROM attempts AS o
    WHERE
        o.finished <= o.started
        -- A span below the attempt goes on with it, as that of a worker does.
        AND o.parent_id IS DISTINCT FROM o.previous_span
        -- Without a group every reader has its own copy, unless they share a queue.
        AND (o.consumer_group IS NOT NULL OR o.system = 'rabbitmq' OR o.replica IS NULL)
        -- Somebody sent it once more, to be handled later or again: that is a message of its own.
        AND NOT EXISTS (
            SELECT 1 FROM sends AS s
            WHERE
                s.linked AND s.origin_trace = o.origin_trace AND s.origin_span = o.origin_span
                AND o.message_offset IS NULL AND s.started < o.started
        )
    WINDOW copies AS (PARTITION BY o.system, o.destination, o.consumer_group, o.message)
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

-- Processes whose metrics count more commits, or refusals, than there are spans: what these did is not known.
told AS (
    SELECT service, instance, destination, 'commit' AS kind, sum(value) AS number
    FROM readings
    WHERE name = 'eda.commits' AND error IS NULL
    GROUP BY service, instance, destination
    UNION ALL
    SELECT service, instance, destination, 'refusal', sum(value)
    FROM readings
    WHERE name = 'eda.settled.messages' AND operation IN ('nack', 'reject')
    GROUP BY service, instance, destination
),

shown AS (
    SELECT
        o.service, o.instance, o.destination,
        count(DISTINCT CASE WHEN o.operation IN ('nack', 'reject') THEN NULL ELSE o.span_id END) AS commits,
        count(CASE WHEN o.operation IN ('nack', 'reject') THEN 1 END) AS refusals,
        bool_or(
            o.operation NOT IN ('nack', 'reject') AND o.consumer_group IS NOT NULL AND o.committed IS NULL AND p.span_id IS NULL
        ) AS vague
    FROM operations AS o
    LEFT JOIN (
        SELECT DISTINCT trace_id, span_id FROM events WHERE name = 'eda.commit.partition'
    ) AS p ON p.trace_id = o.trace_id AND p.span_id = o.span_id
    WHERE o.type = 'settle' AND o.outcome = 'ok' AND (SELECT count(*) FROM again) > 0
    GROUP BY o.service, o.instance, o.destination
),

hidden AS (
    SELECT t.destination, t.kind
    FROM told AS t
    LEFT JOIN shown AS s
        ON s.service = t.service AND s.instance = t.instance AND s.destination IS NOT DISTINCT FROM t.destination
    WHERE t.number > coalesce(CASE WHEN t.kind = 'commit' THEN s.commits ELSE s.refusals END, 0)
    UNION
    SELECT destination, 'commit' FROM shown WHERE vague
),

-- Where each member began in a partition: a new member begins at what the group has committed.
began AS (
    SELECT w.consumer_group, w.destination, w.partition_id, w.instance, arg_min(w.message_offset, w.started) AS first_offset
    FROM works AS w
    WHERE
        w.message_offset IS NOT NULL AND (w.consumer_group, w.destination, w.partition_id, w.instance) IN (
            SELECT DISTINCT a.consumer_group, a.destination, a.partition_id, a.instance FROM again AS a
        )
    GROUP BY w.consumer_group, w.destination, w.partition_id, w.instance
),

-- Members that had the same messages by two addresses, where the first one went on in the partition when the second had had
-- some: each may have them of a cluster of its own, at the same places, as where one mirrors the other.
mirrored AS (
    SELECT p.consumer_group, p.destination, p.partition_id, p.previous_instance, p.instance
    FROM (
        SELECT a.consumer_group, a.destination, a.partition_id, a.previous_instance, a.instance, min(a.started) AS started
        FROM again AS a
        JOIN operations AS f ON f.trace_id = a.previous_trace AND f.span_id = a.previous_span
        WHERE f.server <> a.server AND a.instance <> a.previous_instance
        GROUP BY a.consumer_group, a.destination, a.partition_id, a.previous_instance, a.instance
    ) AS p
    JOIN works AS w
        ON w.consumer_group = p.consumer_group AND w.destination = p.destination AND w.partition_id = p.partition_id
        AND w.instance = p.previous_instance
    GROUP BY p.consumer_group, p.destination, p.partition_id, p.previous_instance, p.instance
    HAVING max(w.started) > min(p.started)
),

-- How long each member worked for its group.
worked AS (
    SELECT consumer_group, destination, instance, max(ended) AS until
    FROM works
    WHERE (consumer_group, destination) IN (SELECT DISTINCT a.consumer_group, a.destination FROM again AS a)
    GROUP BY consumer_group, destination, instance
),

-- Messages that a member fetched anew, or whose partition it was given anew, since it was done with them; or it was given or
-- lost another one, and most clients then go back to what is committed in those that they keep, too. So they do if that was
-- while it had the message in hand.
fetched AS (
    SELECT a.span_id, a.message, false AS given, false AS dealt
    FROM again AS a
    JOIN operations AS r
        ON r.destination = a.destination AND r.partition_id = a.partition_id AND r.message_offset = a.message_offset
        AND r.consumer_group IS NOT DISTINCT FROM a.consumer_group AND r.instance = a.instance
    WHERE r.type = 'receive' AND r.ended > a.finished AND r.started <= a.started
    UNION
    SELECT a.span_id, a.message, h.time >= a.finished, true
    FROM again AS a
    JOIN handovers AS h
        ON h.consumer_group = a.consumer_group AND h.destination = a.destination AND h.partition_id = a.partition_id
    WHERE h.time BETWEEN a.finished - a.first_took AND a.started
    UNION
    SELECT a.span_id, a.message, false, true
    FROM again AS a
    ASOF JOIN handovers AS h
        ON h.consumer_group = a.consumer_group AND h.destination = a.destination AND h.instance = a.instance
        AND h.time <= a.started
    WHERE h.time >= a.finished - a.first_took
),

-- Messages that came the first time with others: what follows the loop over them may have failed, such as one write of
-- them all, and nobody sees it.
batched AS (
    SELECT DISTINCT a.span_id, a.message
    FROM again AS a
    JOIN operations AS r
        ON r.destination = a.destination AND r.partition_id = a.partition_id AND r.message_offset = a.message_offset
        AND r.consumer_group IS NOT DISTINCT FROM a.consumer_group AND r.instance = a.previous_instance
    WHERE r.type = 'receive' AND r.batch > 1 AND r.started <= a.finished
),

-- Processes that acknowledge messages: one that never does may only look at them. One that does so only after its attempts
-- have ended may have handed them on, to threads that nobody sees.
acking AS (
    SELECT o.instance, o.destination, bool_or(w.span_id IS NOT NULL) AS inside
    FROM operations AS o
    LEFT JOIN works AS w
        ON w.instance = o.instance AND w.origin_trace = o.origin_trace AND w.origin_span = o.origin_span
        AND o.started BETWEEN w.started AND w.ended
    WHERE o.type = 'settle' AND o.operation = 'ack' AND o.instance IN (SELECT e.previous_instance FROM again AS e)
    GROUP BY o.instance, o.destination
),

-- How long work takes.
usual AS (
    SELECT consumer_group, destination, quantile_cont(ended - started, 0.5) AS taken
    FROM works
    WHERE outcome = 'ok' AND destination IN (SELECT DISTINCT a.destination FROM again AS a)
    GROUP BY consumer_group, destination
),

-- When the member that had a message first took the next one of its partition.
turns AS (
    SELECT
        consumer_group, destination, partition_id, instance, started AS time, started AS next_time,
        CAST(NULL AS VARCHAR) AS span_id, CAST(NULL AS VARCHAR) AS message
    FROM works
    WHERE
        consumer_group IS NOT NULL AND (destination, partition_id) IN (SELECT DISTINCT a.destination, a.partition_id FROM again AS a)
    UNION ALL
    SELECT consumer_group, destination, partition_id, previous_instance, finished, CAST(NULL AS BIGINT), span_id, message
    FROM again
    WHERE consumer_group IS NOT NULL AND partition_id IS NOT NULL
),

followed AS (
    SELECT
        span_id, message,
        min(next_time) OVER (PARTITION BY consumer_group, destination, partition_id, instance ORDER BY time DESC) AS next_time
    FROM turns
),

-- Messages that a member took and left at once, as a loop or a framework does that is to end: it was at them for less than a
-- tenth of what work takes and of what their next attempt took, and they were the last that it took of the partition.
left_at_once AS (
    SELECT DISTINCT a.span_id, a.message
    FROM again AS a
    JOIN usual AS u ON u.consumer_group IS NOT DISTINCT FROM a.consumer_group AND u.destination = a.destination
    LEFT JOIN followed AS w ON w.span_id = a.span_id AND w.message = a.message
    WHERE
        (a.message_offset IS NOT NULL OR a.system = 'rabbitmq') AND u.taken >= 10000000 AND a.first_took < u.taken / 10
        AND a.first_took < (a.ended - a.started) / 10 AND coalesce(w.next_time >= a.started, true)
),

-- First attempts in which something was sent, acknowledged or done that has a span.
busied AS (
    SELECT DISTINCT trace_id, parent_id AS span_id
    FROM operations
    WHERE parent_id IN (SELECT a.previous_span FROM again AS a)
),

classified AS (
    SELECT
        a.*,
        CASE
            WHEN p.committed > a.message_offset THEN 'replayed'
            WHEN a.instance <> a.previous_instance AND p.committed IS NULL AND a.message_offset IS NOT NULL
                AND u.until <= a.started THEN 'never-committed'
            WHEN a.instance <> a.previous_instance THEN 'other-member'
            WHEN a.ended_well IS NULL OR (a.system = 'rabbitmq' AND a.redelivered) THEN 'not-acked'
            ELSE 'rewound'
        END AS cause,
        p.committed,
        -- The offset tells which message it is; a context does so only if a send or the message's creation made it.
        a.message_offset IS NOT NULL OR (a.linked AND s.span_id IS NOT NULL) AS identified,
        -- A process may look at the messages of one fetch twice.
        a.instance <> a.previous_instance OR (a.system = 'rabbitmq' AND a.redelivered) OR p.committed > a.message_offset
            OR f.given IS NOT NULL AS anew,
        -- It went back by itself, as after a batch that it could not write, or a transaction that it aborted.
        a.instance = a.previous_instance AND a.message_offset IS NOT NULL AND NOT coalesce(f.dealt, false)
            AND NOT coalesce(p.committed > a.message_offset, false) AS by_itself,
        a.instance = a.previous_instance AND coalesce(f.dealt, false) AND NOT coalesce(f.given, false) AS dealt_with_others,
        h.span_id IS NOT NULL AS batched, v.instance IS NOT NULL AS mirrored,
        -- Its member did not commit past it.
        l.span_id IS NOT NULL AND NOT coalesce(p.committed > a.message_offset, false) AS left_off,
        -- A handler that knows what it has done looks, and returns. It is the same that has the few others which take longer, as
        -- the first one does that connects to its database.
        avg(CASE WHEN a.longest >= 10000000 AND a.ended - a.started < a.longest / 10 THEN 1.0 ELSE 0.0 END)
            OVER (PARTITION BY a.instance, a.destination, a.consumer_group) >= 0.5
            OR a.longest >= 10000000 AND a.ended - a.started < a.longest / 10 AS recognised,
        a.system = 'rabbitmq' AND NOT coalesce(g.inside, true) AS handed_on,
        -- A framework that is to end may return at once from what it was called with: nothing shows that it did any work. Who
        -- goes on after that does not end.
        a.system = 'rabbitmq' AND d.span_id IS NULL
            AND (a.instance <> a.previous_instance OR a.first_took < (a.ended - a.started) / 10) AS idle,
        CASE
            WHEN a.system = 'rabbitmq' THEN a.redelivered AND r.kind IS NULL AND g.instance IS NOT NULL
            -- A message that comes again to one process after another, and is the last that each has, may end them.
            WHEN a.times > 1 AND a.instance <> a.previous_instance AND u.until <= a.finished THEN false
            ELSE p.committed <= a.message_offset AND c.kind IS NULL
                AND (a.instance = a.previous_instance OR b.first_offset = p.committed OR k.instance IS NOT NULL)
        END AS unsettled
    FROM again AS a
    LEFT JOIN position AS p ON p.destination = a.destination AND p.span_id = a.span_id AND p.message = a.message
    LEFT JOIN (
        SELECT span_id, message, bool_or(given) AS given, bool_or(dealt) AS dealt FROM fetched GROUP BY span_id, message
    ) AS f ON f.span_id = a.span_id AND f.message = a.message
    LEFT JOIN batched AS h ON h.span_id = a.span_id AND h.message = a.message
    LEFT JOIN mirrored AS v
        ON v.consumer_group = a.consumer_group AND v.destination = a.destination AND v.partition_id = a.partition_id
        AND v.previous_instance = a.previous_instance AND v.instance = a.instance
    LEFT JOIN left_at_once AS l ON l.span_id = a.span_id AND l.message = a.message
    LEFT JOIN busied AS d ON d.trace_id = a.previous_trace AND d.span_id = a.previous_span
    LEFT JOIN (
        SELECT DISTINCT trace_id, span_id
        FROM operations
        WHERE type IN ('send', 'create') AND span_id IN (SELECT e.origin_span FROM again AS e)
    ) AS s ON s.trace_id = a.origin_trace AND s.span_id = a.origin_span
    LEFT JOIN began AS b
        ON b.consumer_group = a.consumer_group AND b.destination = a.destination AND b.partition_id = a.partition_id
        AND b.instance = a.instance
    LEFT JOIN worked AS u
        ON u.consumer_group = a.consumer_group AND u.destination = a.destination AND u.instance = a.previous_instance
    LEFT JOIN acking AS g ON g.instance = a.previous_instance AND g.destination IS NOT DISTINCT FROM a.destination
    LEFT JOIN hidden AS c ON c.destination = a.destination AND c.kind = 'commit'
    LEFT JOIN hidden AS r ON r.destination = a.destination AND r.kind = 'refusal'
    LEFT JOIN (
        SELECT service, instance, destination FROM told WHERE kind = 'commit'
    ) AS k ON k.service = a.service AND k.instance = a.previous_instance AND k.destination = a.destination
),

-- Messages of polled batches that another process of the group got again. No span shows what was done with any message
-- of those processes, so the first one may have ended before it had begun.
handed AS (
    SELECT
        r.*,
        lag(r.instance) OVER copies AS previous_instance,
        lag(r.host) OVER copies AS previous_host,
        lag(r.trace_id) OVER copies AS previous_trace,
        lag(r.span_id) OVER copies AS previous_span,
        lag(r.ended) OVER copies AS finished
    FROM operations AS r
    WHERE
        r.type = 'receive' AND r.message_offset IS NOT NULL AND r.consumer_group IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM works AS w
            WHERE w.consumer_group = r.consumer_group AND w.destination = r.destination
        )
    WINDOW copies AS (PARTITION BY r.consumer_group, r.destination, r.partition_id, r.message_offset ORDER BY r.started)
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
    CASE
        WHEN NOT identified OR NOT coalesce(anew, false) OR by_itself OR left_off OR mirrored THEN 'SUSPECT'
        -- A queue's copies of a message look alike, unless the broker says that it delivered this one before.
        WHEN (system = 'rabbitmq' OR consumer_group IS NULL) AND NOT coalesce(redelivered, false) THEN 'SUSPECT'
        WHEN handed_on THEN 'SUSPECT'
        -- Its work may have ended before it was acknowledged, or not.
        WHEN ended_well IS NULL OR idle THEN 'LIKELY'
        -- Somebody may have wanted it, unless it is known that the group had not committed or acknowledged the message.
        WHEN coalesce(unsettled, false) AND NOT batched AND NOT recognised AND NOT dealt_with_others THEN NULL
        ELSE 'LIKELY'
    END AS at_most,
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
UNION ALL
SELECT
    system, service, previous_instance, instance, previous_host, host, destination, consumer_group, partition_id, message_offset,
    partition_id || '@' || message_offset, previous_trace, previous_span, trace_id, span_id,
    finished, ended, 1, 'received-again', 'SUSPECT', CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN),
    'received again ' || round((started - finished) / 1000000000.0, 3) || ' s after another process had received it'
FROM handed
WHERE previous_instance <> instance AND finished <= started
