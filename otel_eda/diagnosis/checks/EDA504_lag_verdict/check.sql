-- gates: G1 G2 G3 G9
-- news: place
WITH place AS (
    SELECT w.system, w.consumer_group, w.destination, w.partition_id, w.message_offset, true AS tried,
        arg_min(w.service, w.ended) AS service, arg_min(w.instance, w.ended) AS instance, min(w.started) AS started,
        min(w.ended) AS ended, arg_min(w.trace_id, w.ended) AS trace_id, arg_min(w.span_id, w.ended) AS span_id
    FROM works AS w
    WHERE w.consumer_group IS NOT NULL AND w.message_offset IS NOT NULL
    GROUP BY w.system, w.consumer_group, w.destination, w.partition_id, w.message_offset
    UNION ALL
    -- Who takes batches away, to work on them where no loop of the consumer is, shows only what it received.
    SELECT o.system, o.consumer_group, o.destination, o.partition_id, o.message_offset, false AS tried,
        arg_min(o.service, o.ended), arg_min(o.instance, o.ended), min(o.started),
        min(o.ended), arg_min(o.trace_id, o.ended), arg_min(o.span_id, o.ended)
    FROM operations AS o
    WHERE
        o.type = 'receive' AND o.consumer_group IS NOT NULL AND o.message_offset IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM works AS w WHERE w.consumer_group = o.consumer_group AND w.destination = o.destination
        )
    GROUP BY o.system, o.consumer_group, o.destination, o.partition_id, o.message_offset
),

reader AS (
    SELECT
        system, consumer_group, destination, partition_id, tried, min(message_offset) AS lowest, max(message_offset) AS position,
        max(ended) AS last_work, min(started) AS first_work, sum(ended - started) AS busy, count(*) AS number,
        arg_max(service, ended) AS service, arg_max(instance, ended) AS instance,
        arg_max(trace_id, ended) AS trace_id, arg_max(span_id, ended) AS span_id
    FROM place
    GROUP BY system, consumer_group, destination, partition_id, tried
),

-- Groups after whose end another group of their service began there, as where each start has a group of its own.
succeeded AS (
    SELECT DISTINCT r.consumer_group, r.destination, r.partition_id
    FROM reader AS r
    JOIN reader AS n
        ON n.destination = r.destination AND n.partition_id = r.partition_id AND n.service = r.service
        AND n.consumer_group <> r.consumer_group AND n.first_work >= r.last_work
    JOIN processes AS i ON i.instance = r.instance AND i.last_time <= n.first_work
),

-- The time in which messages were sent, and the last offset.
sent AS (
    SELECT destination, partition_id, min(ended) AS first_send, max(ended) AS last_send, max(message_offset) AS top
    FROM sends
    WHERE outcome = 'ok' AND message_offset >= 0
    GROUP BY destination, partition_id
),

-- How often, and for how long, the group committed its highest offset.
held AS (
    SELECT
        c.consumer_group, c.destination, c.partition_id, f.committed, count(*) AS number,
        max(c.ended) - min(c.ended) AS lasted
    FROM commits AS c
    JOIN (
        SELECT consumer_group, destination, partition_id, max(committed) AS committed
        FROM commits
        WHERE consumer_group IS NOT NULL
        GROUP BY consumer_group, destination, partition_id
    ) AS f
        ON f.consumer_group = c.consumer_group AND f.destination = c.destination
        AND f.partition_id = c.partition_id AND f.committed = c.committed
    GROUP BY c.consumer_group, c.destination, c.partition_id, f.committed
),

-- Only who is behind in the end may have fallen behind bit by bit.
behind AS (
    SELECT r.consumer_group, r.destination, r.partition_id, r.lowest
    FROM reader AS r
    JOIN sent AS s ON s.destination = r.destination AND s.partition_id = r.partition_id
    LEFT JOIN held AS h
        ON h.consumer_group = r.consumer_group AND h.destination = r.destination AND h.partition_id = r.partition_id
    WHERE s.top > r.position OR s.top > h.committed
),

step AS (
    SELECT r.consumer_group, s.destination, s.partition_id, s.ended AS time, 1 AS step
    FROM sends AS s
    JOIN behind AS r ON r.destination = s.destination AND r.partition_id = s.partition_id
    WHERE s.outcome = 'ok' AND s.message_offset >= 0 AND s.message_offset >= r.lowest -- it does not wait for what was before
    UNION ALL
    SELECT p.consumer_group, p.destination, p.partition_id, p.ended, -1
    FROM place AS p
    JOIN behind AS r
        ON r.consumer_group = p.consumer_group AND r.destination = p.destination AND r.partition_id = p.partition_id
),

quarter AS (
    SELECT
        t.consumer_group, t.destination, t.partition_id,
        sum(CASE WHEN t.time <= s.first_send + (s.last_send - s.first_send) * 0.25 THEN t.step ELSE 0 END) AS one,
        sum(CASE WHEN t.time <= s.first_send + (s.last_send - s.first_send) * 0.5 THEN t.step ELSE 0 END) AS two,
        sum(CASE WHEN t.time <= s.first_send + (s.last_send - s.first_send) * 0.75 THEN t.step ELSE 0 END) AS three,
        sum(CASE WHEN t.time <= s.last_send THEN t.step ELSE 0 END) AS four
    FROM step AS t
    JOIN sent AS s ON s.destination = t.destination AND s.partition_id = t.partition_id
    GROUP BY t.consumer_group, t.destination, t.partition_id
),

-- When the group last had anything of a partition, be it for another time.
had AS (
    SELECT consumer_group, destination, partition_id, max(ended) AS ended, max(message_offset) AS top
    FROM operations
    WHERE type IN ('receive', 'process') AND consumer_group IS NOT NULL AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id
),

-- Where its members say that it is: behind messages that it cannot see, as those of an aborted transaction, too.
reached AS (
    SELECT consumer_group, destination, partition_id, max(partition_next) AS next_offset
    FROM events
    WHERE name = 'eda.consumer.position' AND consumer_group IS NOT NULL
    GROUP BY consumer_group, destination, partition_id
),

judged AS (
    SELECT
        r.*, e.next_offset IS NULL AND s.last_send - r.last_work <= z.grace AS untold, s.last_send, s.last_send - a.ended <= z.grace AND a.ended > r.last_work AS again, s.top - r.position AS behind, q.four AS lag, q.three >= 20 AS steady, s.first_send, v.last_time AS heard,
        CASE
            -- What takes no longer than messages take, as where a job reads them now and then, is no stop. Nor is what takes no
            -- longer than the group takes from one message to the next.
            WHEN s.last_send - r.last_work > greatest(z.grace, coalesce(CAST(t.taken AS BIGINT), 0)) AND (s.last_send - r.last_work) * r.number > r.last_work - r.first_work AND s.top > r.position
                THEN 'stopped'
            WHEN h.number >= 5 AND h.lasted > z.grace AND s.top > h.committed THEN 'stalled'
            -- A group that catches up after a burst is not behind.
            WHEN r.tried AND s.top > r.position AND s.last_send - s.first_send > 10000000000 AND q.one < q.two AND q.two < q.three AND q.three < q.four AND q.four >= 20 AND q.four * 5 >= r.number
                THEN CASE WHEN r.busy >= 0.9 * (r.last_work - r.first_work) THEN 'too-slow' ELSE 'blocked' END
            -- Nor had it what came in a short time, though its service is heard of long after that: a minute at least, in which any
            -- group that runs would have had it.
            -- So it is if it left off in the middle of what had come before, and did not get the same once more after that.
            WHEN v.last_time - greatest(s.last_send, r.last_work) > greatest(z.grace, coalesce(CAST(t.taken AS BIGINT), 0), 60000000000)
                AND (v.last_time - r.last_work) * r.number > r.last_work - r.first_work
                AND s.top > r.position AND (s.last_send > r.last_work OR a.ended <= r.last_work) AND coalesce(a.top < s.top, true)
                AND coalesce(h.committed <= s.top, true) AND coalesce(e.next_offset <= s.top, true)
                THEN 'stopped'
        END AS cause,
        -- What is behind it may only wait: nobody would know yet that the group has stopped.
        s.top > r.position AND coalesce(h.committed <= s.top, true) AND coalesce(e.next_offset <= s.top, true)
        AND coalesce(v.last_time - greatest(s.last_send, r.last_work) <= greatest(z.grace, coalesce(CAST(t.taken AS BIGINT), 0), 60000000000), true) AS young
    FROM reader AS r
    JOIN graces AS z ON z.destination = r.destination
    LEFT JOIN trips AS t ON t.destination = r.destination
    JOIN sent AS s ON s.destination = r.destination AND s.partition_id = r.partition_id
    JOIN quarter AS q
        ON q.consumer_group = r.consumer_group AND q.destination = r.destination AND q.partition_id = r.partition_id
    LEFT JOIN had AS a
        ON a.consumer_group = r.consumer_group AND a.destination = r.destination AND a.partition_id = r.partition_id
    LEFT JOIN held AS h
        ON h.consumer_group = r.consumer_group AND h.destination = r.destination AND h.partition_id = r.partition_id
    LEFT JOIN reached AS e
        ON e.consumer_group = r.consumer_group AND e.destination = r.destination AND e.partition_id = r.partition_id
    LEFT JOIN services AS v ON v.service = r.service
),

-- Consumers measure their lag, sampled or not. It is that of the last fetch, so a stopped consumer shows none.
lagging AS (
    SELECT
        system, service, instance, destination, consumer_group, time, value,
        lag(value) OVER readings AS before
    FROM metrics
    WHERE name = 'eda.consumer.lag'
    WINDOW readings AS (PARTITION BY service, instance, destination, consumer_group ORDER BY time)
),

grown AS (
    SELECT
        system, service, instance, destination, consumer_group, min(time) AS first_time, max(time) AS last_time,
        min(value) AS least, max(value) AS most, count(*) AS number
    FROM lagging AS g
    WHERE NOT EXISTS (
        SELECT 1 FROM judged AS j
        WHERE j.cause IS NOT NULL AND j.destination = g.destination AND j.consumer_group = g.consumer_group
    )
    GROUP BY system, service, instance, destination, consumer_group
    HAVING count(*) >= 5 AND count(CASE WHEN value <= before THEN 1 END) = 0
),

-- Without offsets: who worked on what of a queue, and what it never settled.
queued AS (
    SELECT s.system, s.destination, s.origin_trace, s.origin_span, s.started AS sent_at, s.ended AS sent_end, w.service, w.instance, w.destination AS source,
        w.trace_id, w.span_id, w.started, w.ended, t.origin_span IS NOT NULL AS settled
    FROM sends AS s
    LEFT JOIN works AS w ON w.origin_trace = s.origin_trace AND w.origin_span = s.origin_span
    LEFT JOIN (
        SELECT origin_trace, origin_span, instance
        FROM operations
        WHERE type = 'settle' AND origin_span IS NOT NULL
        GROUP BY origin_trace, origin_span, instance
    ) AS t ON t.origin_trace = w.origin_trace AND t.origin_span = w.origin_span AND t.instance = w.instance
    WHERE
        s.system <> 'zeromq' AND s.message_offset IS NULL AND s.outcome = 'ok' AND s.destination IS NOT NULL
        -- A queue that the broker or the client named is that of one process, and goes with it: answers come too late.
        AND NOT (
            s.destination = '{id}' OR starts_with(s.destination, 'amq.rabbitmq.reply-to') OR starts_with(s.destination, 'amq.gen-')
            OR starts_with(s.destination, 'amq_') OR starts_with(s.destination, 'spring.gen-')
        )
),

worked AS (
    SELECT
        destination, max(system) AS system, max(source) AS source, max(ended) AS last_work, max(sent_at) AS newest, arg_max(service, ended) AS service,
        arg_max(instance, ended) AS instance, arg_max(trace_id, ended) AS trace_id, arg_max(span_id, ended) AS span_id,
        count(*) AS number, min(started) AS first_work, max(sent_at) AS last_sent, sum(CASE WHEN settled THEN 1 ELSE 0 END) AS settled, sum(CASE WHEN settled THEN 0 ELSE 1 END) AS unsettled
    FROM queued
    WHERE span_id IS NOT NULL
    GROUP BY destination
),

-- A message that was sent before one that was worked on, and that nobody worked on, is lost rather than waiting.
left_in_queue AS (
    SELECT
        q.destination, count(CASE WHEN q.sent_at > r.last_work THEN 1 END) AS number, max(q.sent_end) AS last_send,
        count(CASE WHEN q.sent_at <= r.newest THEN 1 END) AS earlier
    FROM queued AS q
    JOIN worked AS r ON r.destination = q.destination
    WHERE q.span_id IS NULL
    GROUP BY q.destination
),

-- What was sent behind the last message that anybody had, and before the work on that ended: a queue that was left in the
-- middle. What was settled without an attempt is lost.
left_in_the_middle AS (
    SELECT q.destination, count(*) AS number, max(q.sent_end) AS last_send
    FROM queued AS q
    JOIN worked AS r ON r.destination = q.destination
    JOIN left_in_queue AS l ON l.destination = q.destination AND l.number = 0
    LEFT JOIN (
        SELECT DISTINCT origin_trace, origin_span FROM operations WHERE type = 'settle' AND origin_span IS NOT NULL
    ) AS t ON t.origin_trace = q.origin_trace AND t.origin_span = q.origin_span
    WHERE q.span_id IS NULL AND q.sent_at > r.last_sent AND t.origin_span IS NULL
    GROUP BY q.destination
),

silent AS (
    SELECT m.system, m.service, m.instance, m.consumer_group, max(m.value) AS age, max(r.value) AS allowed, max(m.time) AS time
    FROM metrics AS m
    JOIN readings AS r
        ON r.service = m.service AND r.instance = m.instance AND r.consumer_group = m.consumer_group
        AND r.name = 'eda.consumer.poll.limit'
    WHERE m.name = 'eda.consumer.poll.age' AND m.value > r.value
    GROUP BY m.system, m.service, m.instance, m.consumer_group
)

SELECT
    system, service, instance, j.destination, j.consumer_group, j.partition_id, trace_id, span_id,
    -- Who is too slow is so while messages are sent; its last message may end much later, when the client is closed.
    CASE WHEN cause = 'too-slow' OR cause = 'blocked' THEN first_send ELSE last_work END AS first_time,
    CASE WHEN cause = 'too-slow' OR cause = 'blocked' THEN least(last_send, last_work) ELSE last_work END AS last_time,
    CASE WHEN cause IS NULL OR cause = 'stopped' AND last_send <= last_work THEN behind ELSE greatest(behind, lag) END AS weight,
    -- It gets the same messages again and again, so it runs.
    CASE WHEN cause = 'stopped' AND coalesce(again, false) THEN 'stalled' ELSE coalesce(cause, 'stopped') END AS cause,
    -- Where attempts are missing, their messages seem to wait.
    CASE WHEN cause = 'stopped' AND (untold OR x.destination IS NOT NULL) THEN 'SUSPECT' END AS at_most,
    CASE WHEN cause = 'stopped' OR k.destination IS NOT NULL THEN CAST(NULL AS BOOLEAN) ELSE true END AS g1,
    CASE WHEN cause = 'stopped' THEN CAST(NULL AS BOOLEAN) ELSE true END AS g2,
    -- By their definition these two lasted for longer than the grace, while others went on. And it is not the youngest messages
    -- that tell that ever more wait, if many did long before. Without a cause they are too young.
    CASE WHEN cause IS NULL THEN false WHEN cause = 'stopped' OR cause = 'stalled' OR steady THEN true END AS g3,
    CASE
        WHEN cause = 'stopped' AND last_send <= last_work THEN 'it ' || CASE WHEN tried THEN 'processed' ELSE 'received' END
            || ' nothing more in the ' || round((heard - last_work) / 1000000000.0, 1) || ' s in which its service is heard of; ' || behind || ' wait'
        WHEN cause = 'stopped' THEN 'it ' || CASE WHEN tried THEN 'processed' ELSE 'received' END || ' nothing in the last '
            || round((last_send - last_work) / 1000000000.0, 1) || ' s in which messages came; ' || behind || ' wait'
        WHEN cause = 'stalled' THEN 'it commits the same offset again and again; ' || behind || ' messages wait'
        ELSE 'ever more messages wait, ' || lag || ' at last; it worked '
            || round(100.0 * busy / greatest(last_work - first_work, 1), 0) || ' % of the time'
    END AS detail
FROM judged AS j
LEFT JOIN short AS k ON k.destination = j.destination
LEFT JOIN succeeded AS x
    ON x.consumer_group = j.consumer_group AND x.destination = j.destination AND x.partition_id = j.partition_id
WHERE cause IS NOT NULL OR young
UNION ALL
SELECT
    system, service, instance, destination, consumer_group, partition_id, trace_id, span_id, started, ended, 1,
    'went-back', CAST(NULL AS VARCHAR), true, true, CAST(NULL AS BOOLEAN), 'committed offset ' || coalesce(cast(committed AS VARCHAR), '?') || ', which is lower than one that it had committed'
FROM commits
WHERE regressed
UNION ALL
SELECT
    system, service, instance, destination, consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), first_time, last_time, cast(most AS BIGINT), 'measured', CAST(NULL AS VARCHAR), true, true, true,
    'its lag rose at each of ' || number || ' readings, from ' || cast(least AS BIGINT) || ' to ' || cast(most AS BIGINT)
FROM grown
WHERE most >= 20 AND last_time - first_time > 10000000000
UNION ALL
SELECT
    system, service, instance, CAST(NULL AS VARCHAR), consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), time, time, 1, 'not-polling', CAST(NULL AS VARCHAR), true, true, true,
    'it had not polled for ' || round(age, 1) || ' s; after ' || round(allowed, 1) || ' s the group goes on without it'
FROM silent
UNION ALL
SELECT
    r.system, r.service, r.instance, r.source, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), r.trace_id, r.span_id,
    r.last_work, r.last_work, l.number,
    CASE WHEN r.settled > 0 AND r.unsettled > 0 THEN 'unsettled' ELSE 'stopped' END,
    -- Where nobody had many of the earlier ones either, there are readers of which no telemetry is here.
    CASE WHEN 2 * l.earlier > r.number THEN 'SUSPECT' END,
    CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN),
    -- Whose service is heard of long after the last of them has had time for them.
    l.last_send - r.last_work > z.grace OR coalesce(v.last_time - l.last_send > z.grace, false),
    'nobody had any of the ' || l.number || ' messages that came in the '
        || round((l.last_send - r.last_work) / 1000000000.0, 1) || ' s after its last one'
        || CASE WHEN r.settled > 0 AND r.unsettled > 0 THEN '; it never settled ' || r.unsettled || ' of its messages' ELSE '' END
FROM worked AS r
JOIN left_in_queue AS l ON l.destination = r.destination AND l.number > 0
JOIN graces AS z ON z.destination = r.destination
LEFT JOIN services AS v ON v.service = r.service
UNION ALL
SELECT
    r.system, r.service, r.instance, r.source, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), r.trace_id, r.span_id,
    r.last_work, r.last_work, m.number, CASE WHEN r.unsettled > 0 THEN 'unsettled' ELSE 'stopped' END,
    -- Where as many of the earlier ones are missing, there are readers of which no telemetry is here, or messages get lost.
    CASE WHEN 2 * (l.earlier - m.number) > r.number THEN 'SUSPECT' END,
    CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN), true,
    'nobody had any of the ' || m.number || ' messages behind its last one in the '
        || round((v.last_time - r.last_work) / 1000000000.0, 1) || ' s in which its service is heard of after that'
        || CASE WHEN r.unsettled > 0 THEN '; it never settled ' || r.unsettled || ' of its messages' ELSE '' END
FROM worked AS r
JOIN left_in_the_middle AS m ON m.destination = r.destination
JOIN left_in_queue AS l ON l.destination = r.destination
JOIN graces AS z ON z.destination = r.destination
JOIN services AS v ON v.service = r.service
WHERE
    -- What the broker takes for done when it sends it is gone with the process that has it.
    r.settled > 0 AND v.last_time - r.last_work > greatest(z.grace, 60000000000)
    AND (v.last_time - r.last_work) * r.number > r.last_work - r.first_work
