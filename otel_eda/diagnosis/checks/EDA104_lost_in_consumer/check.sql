-- gates: G1 G2 G3 G4 G6 G7 G8 G9
-- news: message
WITH pulled AS (
    SELECT
        consumer_group, destination, partition_id, message_offset, max(ended) AS ended, max(instance) AS instance,
        max(service) AS service
    FROM operations
    WHERE type = 'receive' AND consumer_group IS NOT NULL AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id, message_offset
),

-- Each batch, and how many of its messages have attempts.
batches AS (
    SELECT r.consumer_group, r.destination, r.trace_id, r.span_id, count(*) AS number, count(a.message_offset) AS tried
    FROM (
        SELECT DISTINCT consumer_group, destination, partition_id, message_offset, trace_id, span_id
        FROM operations
        WHERE type = 'receive' AND consumer_group IS NOT NULL AND message_offset IS NOT NULL
    ) AS r
    LEFT JOIN around AS a
        ON a.consumer_group = r.consumer_group AND a.destination = r.destination AND a.partition_id = r.partition_id
        AND a.message_offset = r.message_offset
    GROUP BY r.consumer_group, r.destination, r.trace_id, r.span_id
),

-- Groups whose work shows in spans. Where most messages of batches have none, it is done in code that nobody sees, unless
-- a loop begins every batch, and goes to the end of as many of several messages as it does not.
followed AS (
    SELECT w.consumer_group, w.destination
    FROM (SELECT consumer_group, destination, count(*) AS number FROM around GROUP BY consumer_group, destination) AS w
    LEFT JOIN (
        SELECT p.consumer_group, p.destination, count(*) AS number
        FROM pulled AS p
        LEFT JOIN around AS a
            ON a.consumer_group = p.consumer_group AND a.destination = p.destination AND a.partition_id = p.partition_id
            AND a.message_offset = p.message_offset
        WHERE a.message_offset IS NULL
        GROUP BY p.consumer_group, p.destination
    ) AS u ON u.consumer_group = w.consumer_group AND u.destination = w.destination
    LEFT JOIN (
        SELECT consumer_group, destination
        FROM batches
        GROUP BY consumer_group, destination
        HAVING min(tried) > 0 AND sum(CASE WHEN tried = number AND number > 1 THEN 1 ELSE 0 END) >= sum(CASE WHEN tried < number THEN 1 ELSE 0 END)
    ) AS b ON b.consumer_group = w.consumer_group AND b.destination = w.destination
    WHERE w.number >= coalesce(u.number, 0) OR b.destination IS NOT NULL
),

reader AS (
    SELECT
        r.consumer_group, r.destination, r.partition_id, min(r.message_offset) AS lowest, max(r.done) AS highest,
        max(r.service) AS service
    FROM (
        SELECT
            consumer_group, destination, partition_id, message_offset, service,
            CASE WHEN outcome = 'ok' THEN message_offset END AS done
        FROM works
        WHERE consumer_group IS NOT NULL AND message_offset IS NOT NULL
        UNION ALL
        SELECT p.consumer_group, p.destination, p.partition_id, p.message_offset, p.service, CAST(NULL AS BIGINT)
        FROM pulled AS p
        JOIN followed AS f ON f.consumer_group = p.consumer_group AND f.destination = p.destination
    ) AS r
    GROUP BY r.consumer_group, r.destination, r.partition_id
),

-- When a group, and when it first, had a partition of each topic.
assigned AS (
    SELECT
        consumer_group, destination, partition_id, min(time) AS time,
        min(min(time)) OVER (PARTITION BY consumer_group, destination) AS joined
    FROM handovers
    WHERE name = 'eda.consumer.assigned' AND consumer_group IS NOT NULL
    GROUP BY consumer_group, destination, partition_id
),

opened AS (
    SELECT destination, partition_id, min(ended) AS time, min(message_offset) AS lowest
    FROM sends
    WHERE outcome = 'ok' AND message_offset >= 0
    GROUP BY destination, partition_id
),

-- Partitions that a topic got while a group read it: the group had them later than their first messages were sent, and
-- first read what was sent after that, as a consumer does that begins at the end where nothing is committed. Many
-- messages were sent before that, and none to such a partition.
grown AS (
    SELECT a.consumer_group, a.destination, a.partition_id
    FROM assigned AS a
    JOIN opened AS o ON o.destination = a.destination AND o.partition_id = a.partition_id
    JOIN reader AS r
        ON r.consumer_group = a.consumer_group AND r.destination = a.destination AND r.partition_id = a.partition_id
    JOIN sends AS f
        ON f.destination = a.destination AND f.partition_id = a.partition_id AND f.message_offset = r.lowest
    JOIN sends AS s ON s.destination = a.destination AND s.ended < o.time
    WHERE
        o.lowest = 0 AND r.lowest > 0 AND a.joined < o.time AND o.time < a.time AND f.ended >= a.time AND s.outcome = 'ok'
    GROUP BY a.consumer_group, a.destination, a.partition_id
    HAVING count(DISTINCT s.span_id) >= 20
),

done AS (
    SELECT consumer_group, destination, partition_id, max(committed) AS committed
    FROM commits
    WHERE consumer_group IS NOT NULL
    GROUP BY consumer_group, destination, partition_id
),

known AS (
    SELECT destination, bool_and(seen >= counted) AS whole
    FROM completeness
    WHERE counted IS NOT NULL
    GROUP BY destination
),

-- Commits of which nobody has seen the answer, and where another member then began: the broker had taken them.
taken_on AS (
    SELECT o.consumer_group, o.destination, o.partition_id, o.instance, o.committed
    FROM operations AS o
    JOIN (
        SELECT consumer_group, destination, partition_id, instance, min(message_offset) AS lowest, min(started) AS started
        FROM works
        WHERE consumer_group IS NOT NULL AND message_offset IS NOT NULL
        GROUP BY consumer_group, destination, partition_id, instance
    ) AS b
        ON b.consumer_group = o.consumer_group AND b.destination = o.destination AND b.partition_id = o.partition_id
        AND b.lowest = o.committed
    WHERE o.type = 'settle' AND o.outcome = 'unresolved' AND b.instance <> o.instance AND b.started > o.ended
),

passed AS (
    SELECT consumer_group, destination, partition_id, instance, max(committed) AS committed
    FROM (
        SELECT consumer_group, destination, partition_id, instance, committed FROM commits
        UNION ALL
        SELECT consumer_group, destination, partition_id, instance, committed FROM taken_on
    ) AS every
    WHERE consumer_group IS NOT NULL
    GROUP BY consumer_group, destination, partition_id, instance
),

-- What members said of themselves that they had committed, be it automatically.
reported AS (
    SELECT consumer_group, destination, partition_id, instance, max(committed) AS committed
    FROM events
    WHERE name = 'eda.consumer.position' AND committed IS NOT NULL
    GROUP BY consumer_group, destination, partition_id, instance
),

-- Groups that first had a partition when messages were in it, and first read what was sent after that, as a consumer does
-- that begins at the end where nothing is committed. They keep their offsets, and nobody at all has had what was before.
late AS (
    SELECT DISTINCT a.consumer_group, a.destination, a.partition_id
    FROM assigned AS a
    JOIN reader AS r
        ON r.consumer_group = a.consumer_group AND r.destination = a.destination AND r.partition_id = a.partition_id
    JOIN (
        SELECT destination, partition_id, min(message_offset) AS lowest
        FROM (
            SELECT destination, partition_id, message_offset FROM around
            UNION ALL
            SELECT destination, partition_id, message_offset FROM pulled
        ) AS had
        GROUP BY destination, partition_id
    ) AS b ON b.destination = a.destination AND b.partition_id = a.partition_id AND b.lowest = r.lowest
    JOIN sends AS f
        ON f.destination = a.destination AND f.partition_id = a.partition_id AND f.message_offset = r.lowest
    JOIN (
        SELECT consumer_group, destination, partition_id FROM passed
        UNION
        SELECT consumer_group, destination, partition_id FROM reported
    ) AS k
        ON k.consumer_group = a.consumer_group AND k.destination = a.destination AND k.partition_id = a.partition_id
    WHERE r.lowest > 0 AND f.ended >= a.time
),

-- How far each member came.
gone AS (
    SELECT consumer_group, destination, partition_id, instance, max(message_offset) AS highest
    FROM works
    WHERE consumer_group IS NOT NULL AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id, instance
),

-- Attempts that failed in a call in another thread or task. Who asks for its result learns of the error and may do
-- something about it that no span shows.
asked AS (
    SELECT trace_id, span_id FROM works WHERE handed AND outcome = 'error'
    EXCEPT
    SELECT trace_id, span_id FROM events WHERE name = 'eda.process.error_unretrieved'
),

-- Messages with attempts, none of which succeeded.
tried AS (
    SELECT
        w.system, w.consumer_group, w.destination, w.partition_id, w.message_offset,
        max(CASE WHEN w.outcome = 'error' THEN 1 ELSE 0 END) AS failed,
        -- The consumer's own ledger saw that the group committed past it.
        max(CASE WHEN w.skipped THEN 1 ELSE 0 END) AS skipped,
        -- The end of an attempt that was given up was not seen.
        max(CASE WHEN w.outcome IN ('error', 'rejected') THEN 1 ELSE 0 END) AS seen, max(w.ended_by) AS ended_by,
        min(w.started) AS started, max(w.ended) AS ended, max(w.error) AS error,
        -- The last attempt's.
        arg_max(w.trace_id, w.started) AS trace_id, arg_max(w.span_id, w.started) AS span_id,
        arg_max(w.service, w.started) AS service, arg_max(w.instance, w.started) AS instance,
        arg_max(w.origin_trace, w.started) AS origin_trace, arg_max(w.origin_span, w.started) AS origin_span,
        bool_or(coalesce(w.handed, false)) AS handed, max(w.batch) AS batch, bool_or(coalesce(w.went_on, false)) AS left_behind,
        -- When a worker got it that it had waited for.
        max(w.started + CAST(coalesce(w.waited, 0) * 1000000000 AS BIGINT)) AS taken
    FROM works AS w
    JOIN around AS a
        ON a.consumer_group = w.consumer_group AND a.destination = w.destination AND a.partition_id = w.partition_id
        AND a.message_offset = w.message_offset
    WHERE NOT a.finished
    GROUP BY w.system, w.consumer_group, w.destination, w.partition_id, w.message_offset
),

-- A member's position is the offset that it gets next. If it has no attempt at the message before, it had that message
-- in hand.
stood AS (
    SELECT
        p.consumer_group, p.destination, p.partition_id, p.partition_next - 1 AS message_offset,
        max(p.instance) AS instance, max(p.committed) AS committed, max(p.time) AS time
    FROM events AS p
    JOIN gone AS g
        ON g.consumer_group = p.consumer_group AND g.destination = p.destination
        AND g.partition_id = p.partition_id AND g.instance = p.instance AND g.highest < p.partition_next - 1
    WHERE p.name = 'eda.consumer.position'
    GROUP BY p.consumer_group, p.destination, p.partition_id, p.partition_next
),

-- Where the log begins, as far as members know: earlier messages are gone.
beginning AS (
    SELECT destination, partition_id, max(partition_start) AS start
    FROM events
    WHERE partition_start IS NOT NULL
    GROUP BY destination, partition_id
),

missing AS (
    SELECT
        s.system, r.service, coalesce(t.instance, p.instance, h.instance) AS instance, s.instance AS other_instance,
        s.destination, r.consumer_group, s.partition_id, s.message_offset, s.origin_trace, s.origin_span,
        s.trace_id, s.span_id, t.trace_id AS other_trace_id, t.span_id AS other_span_id, t.error,
        s.started AS first_time, coalesce(t.ended, p.ended, s.ended) AS last_time,  -- by the clock of who had it
        d.committed, coalesce(t.failed, 0) AS failed, coalesce(t.handed, false) AS handed, t.batch, coalesce(t.left_behind, false) AS left_behind, t.taken, coalesce(r.highest, r.lowest) AS highest, false AS skipped,
        t.message_offset IS NOT NULL AND t.seen = 0 AS abandoned, t.ended_by, t.started AS attempted, t.ended AS failed_at,
        coalesce(t.message_offset, p.message_offset, h.message_offset) IS NOT NULL AS delivered,
        -- The member that had the message committed past it. So no other member got it, whoever has the partition now.
        greatest(coalesce(c.committed, h.committed), coalesce(h.committed, 0)) > s.message_offset AS kept,
        coalesce(u.committed > s.message_offset, false) AS kept_by_itself,
        t.message_offset IS NULL AND coalesce(p.message_offset, h.message_offset) IS NOT NULL AS untried,
        b.start > s.message_offset AS expired,
        -- Who lived for a short while after that may have been at work on it.
        g.highest > s.message_offset
            OR (i.last_time - coalesce(p.ended, h.time) > z.grace AND i.last_time - coalesce(p.ended, h.time) > 10000000000) AS went_on,
        -- Sampled on both sides: a member received it, and every process has as many spans as it counted messages.
        coalesce(t.message_offset, p.message_offset, h.message_offset) IS NOT NULL AND k.whole AS sampled,
        -- Nobody counts messages here. But its sending and its failure are in one trace, which is sampled as a whole, and the
        -- member itself committed past it.
        k.whole IS NULL AND t.failed = 1 AND t.trace_id = s.trace_id AND coalesce(c.committed > s.message_offset, false) AS traced,
        s.message_offset < r.lowest AS before, s.message_offset < r.lowest AND e.partition_id IS NULL AS late, s.key_hash IS NULL AS keyless,
        false AS unsent
    FROM sends AS s
    JOIN reader AS r ON r.destination = s.destination AND r.partition_id = s.partition_id
    LEFT JOIN done AS d
        ON d.consumer_group = r.consumer_group AND d.destination = s.destination AND d.partition_id = s.partition_id
    LEFT JOIN around AS a
        ON a.consumer_group = r.consumer_group AND a.destination = s.destination
        AND a.partition_id = s.partition_id AND a.message_offset = s.message_offset
    LEFT JOIN tried AS t
        ON t.consumer_group = r.consumer_group AND t.destination = s.destination
        AND t.partition_id = s.partition_id AND t.message_offset = s.message_offset
    LEFT JOIN pulled AS p
        ON p.consumer_group = r.consumer_group AND p.destination = s.destination
        AND p.partition_id = s.partition_id AND p.message_offset = s.message_offset
    LEFT JOIN stood AS h
        ON h.consumer_group = r.consumer_group AND h.destination = s.destination
        AND h.partition_id = s.partition_id AND h.message_offset = s.message_offset
    LEFT JOIN beginning AS b ON b.destination = s.destination AND b.partition_id = s.partition_id
    LEFT JOIN passed AS c
        ON c.consumer_group = r.consumer_group AND c.destination = s.destination AND c.partition_id = s.partition_id
        AND c.instance = coalesce(t.instance, p.instance, h.instance)
    LEFT JOIN reported AS u
        ON u.consumer_group = r.consumer_group AND u.destination = s.destination AND u.partition_id = s.partition_id
        AND u.instance = t.instance
    LEFT JOIN gone AS g
        ON g.consumer_group = r.consumer_group AND g.destination = s.destination AND g.partition_id = s.partition_id
        AND g.instance = coalesce(t.instance, p.instance, h.instance)
    LEFT JOIN processes AS i ON i.instance = coalesce(t.instance, p.instance, h.instance)
    JOIN graces AS z ON z.destination = s.destination
    LEFT JOIN known AS k ON k.destination = s.destination
    LEFT JOIN followed AS f ON f.consumer_group = r.consumer_group AND f.destination = s.destination
    LEFT JOIN grown AS e
        ON e.consumer_group = r.consumer_group AND e.destination = s.destination AND e.partition_id = s.partition_id
    LEFT JOIN late AS l
        ON l.consumer_group = r.consumer_group AND l.destination = s.destination AND l.partition_id = s.partition_id
        AND NOT coalesce(b.start > s.message_offset, false)
    WHERE
        s.outcome = 'ok'
        AND (s.message_offset >= r.lowest OR e.partition_id IS NOT NULL OR l.partition_id IS NOT NULL)
        AND NOT coalesce(a.finished, false)
        AND coalesce(t.skipped, 0) = 0
        AND (t.message_offset IS NOT NULL OR p.message_offset IS NULL OR f.destination IS NOT NULL)
        -- The group is past the message: it committed a later offset, or processed later messages.
        AND (d.committed > s.message_offset OR r.highest > s.message_offset)
    UNION ALL
    SELECT
        t.system, t.service, t.instance, CAST(NULL AS VARCHAR), t.destination, t.consumer_group, t.partition_id,
        t.message_offset, t.origin_trace, t.origin_span, t.origin_trace, t.origin_span, t.trace_id, t.span_id, t.error,
        t.started, t.ended, t.message_offset + 1, t.failed, t.handed, t.batch, t.left_behind, t.taken, t.message_offset, true, false, t.ended_by, t.started, t.ended, true, true, false, false,
        false, false, true, false, false, false, false, false
    FROM tried AS t
    WHERE t.skipped = 1
    UNION ALL
    -- No send tells that it got this offset, as where nobody waits for the broker's answer. The attempt shows that it is there.
    SELECT
        t.system, t.service, t.instance, CAST(NULL AS VARCHAR), t.destination, t.consumer_group, t.partition_id,
        t.message_offset, t.origin_trace, t.origin_span, t.origin_trace, t.origin_span, t.trace_id, t.span_id, t.error,
        t.started, t.ended, d.committed, t.failed, t.handed, t.batch, t.left_behind, t.taken, t.message_offset, false, false, t.ended_by, t.started, t.ended, true, c.committed > t.message_offset, false, false,
        false, false, CASE WHEN k.whole THEN true END, false, false, false, false, true
    FROM tried AS t
    JOIN done AS d
        ON d.consumer_group = t.consumer_group AND d.destination = t.destination AND d.partition_id = t.partition_id
    LEFT JOIN passed AS c
        ON c.consumer_group = t.consumer_group AND c.destination = t.destination AND c.partition_id = t.partition_id
        AND c.instance = t.instance
    LEFT JOIN known AS k ON k.destination = t.destination
    LEFT JOIN sends AS s
        ON s.destination = t.destination AND s.partition_id = t.partition_id AND s.message_offset = t.message_offset
        AND s.outcome = 'ok'
    WHERE t.skipped = 0 AND t.failed = 1 AND d.committed > t.message_offset AND s.span_id IS NULL
),

-- What failed attempts sent and a group was done with.
later AS (
    SELECT DISTINCT w.consumer_group, w.origin_trace AS trace_id, w.origin_span AS span_id
    FROM works AS w
    WHERE
        w.outcome = 'ok' AND w.consumer_group IS NOT NULL AND w.origin_span IN (
            SELECT s.span_id FROM sends AS s WHERE s.parent_id IN (SELECT f.span_id FROM works AS f WHERE f.outcome <> 'ok')
        )
),

-- Attempts in which something was sent, with what it was: set aside, or sent again, or anything, such as a first output.
handed AS (
    SELECT w.consumer_group, w.destination, w.partition_id, w.message_offset,
        -- A message that is sent back to where it came from is to be tried again.
        max(CASE WHEN a.kind IS NULL AND onward.destination <> w.destination THEN 0 ELSE 1 END) AS aside,
        -- The group itself was done with it, so it may be another try.
        max(CASE WHEN l.span_id IS NULL THEN 0 ELSE 1 END) AS own
    FROM works AS w
    JOIN sends AS onward ON onward.trace_id = w.trace_id AND onward.instance = w.instance
    LEFT JOIN asides AS a ON a.destination = onward.destination
    LEFT JOIN later AS l ON l.trace_id = onward.trace_id AND l.span_id = onward.span_id AND l.consumer_group = w.consumer_group
    WHERE
        w.outcome <> 'ok' AND onward.outcome = 'ok' AND onward.started BETWEEN w.started AND w.ended + 1000000000
        AND onward.span_id IS DISTINCT FROM w.origin_span
    GROUP BY w.consumer_group, w.destination, w.partition_id, w.message_offset
    UNION ALL
    -- What was set aside after the attempt, outside of its span.
    SELECT w.consumer_group, w.destination, w.partition_id, w.message_offset, 1, 0
    FROM excused AS e
    JOIN works AS w ON w.trace_id = e.trace_id AND w.span_id = e.span_id
    UNION ALL
    -- What links to the attempt, or to the sending of its message, whoever sent it and when.
    SELECT
        w.consumer_group, w.destination, w.partition_id, w.message_offset,
        CASE WHEN a.kind IS NULL AND s.destination <> w.destination THEN 0 ELSE 1 END, 0
    FROM (
        SELECT o.span_id AS attempt, o.* FROM works AS o
        UNION ALL
        SELECT o.origin_span, o.* FROM works AS o
    ) AS w
    JOIN sends AS s ON s.repeats = w.attempt
    LEFT JOIN asides AS a ON a.destination = s.destination
    WHERE w.outcome <> 'ok' AND s.outcome = 'ok' AND s.started >= w.started
),

sent_on AS (
    SELECT consumer_group, destination, partition_id, message_offset, max(aside) AS aside, max(own) AS own
    FROM handed
    GROUP BY consumer_group, destination, partition_id, message_offset
),

-- Which attempts of the group come before and after a missing message, and who made them. Sorting all attempts, or all
-- commits, would take longer than all else.
nearby AS (
    SELECT a.*
    FROM around AS a
    WHERE
        (a.consumer_group, a.destination, a.partition_id) IN (
            SELECT DISTINCT m.consumer_group, m.destination, m.partition_id FROM missing AS m
        )
),

nearby_commits AS (
    SELECT c.consumer_group, c.destination, c.partition_id, c.instance, c.committed, c.ended
    FROM commits AS c
    WHERE
        (c.consumer_group, c.destination, c.partition_id) IN (
            SELECT DISTINCT m.consumer_group, m.destination, m.partition_id FROM missing AS m
        )
),

following AS (
    SELECT
        m.consumer_group, m.destination, m.partition_id, m.message_offset, m.delivered,
        a.message_offset AS next_offset, a.instance, a.started, a.started - m.last_time AS lay
    FROM missing AS m
    ASOF JOIN nearby AS a
        ON a.consumer_group = m.consumer_group AND a.destination = m.destination AND a.partition_id = m.partition_id
        AND a.message_offset > m.message_offset
),

beside AS (
    SELECT n.*, a.message_offset AS previous_offset, a.instance AS previous_instance, a.ended AS previous_ended
    FROM following AS n
    ASOF JOIN nearby AS a
        ON a.consumer_group = n.consumer_group AND a.destination = n.destination AND a.partition_id = n.partition_id
        AND a.message_offset < n.message_offset
),

-- Members that found holes in a partition in the midst of their work: the broker has removed messages there.
holes AS (
    SELECT DISTINCT consumer_group, destination, partition_id, instance
    FROM beside
    WHERE NOT delivered AND instance = previous_instance
),

-- Members that commit, be it automatically, which has no spans: who keeps no offsets may well begin at the end.
keeping AS (
    SELECT DISTINCT instance, destination FROM readings WHERE name = 'eda.commits' AND error IS NULL AND value > 0
),

-- Members that gave a partition back in good order, and of which all spans are there.
left_well AS (
    SELECT h.instance, h.destination, h.partition_id, min(h.time) AS time
    FROM handovers AS h
    JOIN senders AS s ON s.instance = h.instance
    WHERE h.name = 'eda.consumer.revoked' AND s.whole
    GROUP BY h.instance, h.destination, h.partition_id
),

-- Messages that a member jumped over when it began: the group had committed an offset past them, though nobody had
-- them, or the member went to the log's end, and first read what was sent when it was there. Or the one before had given
-- the partition back, with all committed that it had, and these were too young to be compacted away.
jumped AS (
    SELECT n.consumer_group, n.destination, n.partition_id, n.message_offset
    FROM beside AS n
    ASOF LEFT JOIN nearby_commits AS c
        ON c.consumer_group = n.consumer_group AND c.destination = n.destination AND c.partition_id = n.partition_id
        AND c.ended <= n.started
    LEFT JOIN sends AS s
        ON s.destination = n.destination AND s.partition_id = n.partition_id AND s.message_offset = n.next_offset
    LEFT JOIN (
        SELECT instance, min(time) AS time FROM handovers WHERE name = 'eda.consumer.assigned' GROUP BY instance
    ) AS g ON g.instance = n.instance
    LEFT JOIN keeping AS k ON k.instance = n.previous_instance AND k.destination = n.destination
    LEFT JOIN left_well AS w
        ON w.instance = n.previous_instance AND w.destination = n.destination AND w.partition_id = n.partition_id
    LEFT JOIN holes AS h
        ON h.consumer_group = n.consumer_group AND h.destination = n.destination AND h.partition_id = n.partition_id
        AND h.instance = n.instance
    WHERE
        NOT n.delivered AND n.instance <> n.previous_instance AND h.instance IS NULL
        AND (
            c.committed > n.message_offset
            OR (s.ended >= g.time AND (c.committed IS NOT NULL OR k.instance IS NOT NULL))
            OR (w.time <= n.started AND c.committed = n.previous_offset + 1 AND n.lay < 15000000000)
        )
    GROUP BY n.consumer_group, n.destination, n.partition_id, n.message_offset
),

-- The first commit past each message by the member that had it, and whether the partition moved before that.
passing AS (
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset, m.instance, m.attempted, c.committed, c.ended
    FROM missing AS m
    ASOF JOIN nearby_commits AS c
        ON c.consumer_group = m.consumer_group AND c.destination = m.destination AND c.partition_id = m.partition_id
        AND c.instance = m.instance AND c.committed > m.message_offset
    WHERE m.attempted IS NOT NULL
),

-- Messages after whose failure the member sent something outside of all attempts, soon or before it committed past them: as
-- whoever sets a message aside where its error is caught, to a place whose name does not say so.
afterwards AS (
    SELECT f.consumer_group, f.destination, f.partition_id, f.message_offset
    FROM (
        SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset, m.instance, m.failed_at, p.ended AS passed_at
        FROM missing AS m
        LEFT JOIN passing AS p
            ON p.consumer_group = m.consumer_group AND p.destination = m.destination AND p.partition_id = m.partition_id
            AND p.message_offset = m.message_offset
        WHERE m.failed = 1 AND m.failed_at IS NOT NULL
    ) AS f
    ASOF JOIN strays AS s ON s.instance = f.instance AND s.started >= f.failed_at
    WHERE s.started <= greatest(coalesce(f.passed_at, 0), f.failed_at + 10000000000)
    GROUP BY f.consumer_group, f.destination, f.partition_id, f.message_offset
),

moved AS (
    SELECT p.consumer_group, p.destination, p.partition_id, p.message_offset
    FROM passing AS p
    ASOF JOIN handovers AS h
        ON h.consumer_group = p.consumer_group AND h.destination = p.destination AND h.partition_id = p.partition_id
        AND h.time <= p.ended
    WHERE h.time > p.attempted
    UNION
    -- It ended, and another run of it of which nothing is here may have had the message: that committed where no run that is
    -- counted was there, or one that was committed later.
    SELECT p.consumer_group, p.destination, p.partition_id, p.message_offset
    FROM passing AS p
    ASOF JOIN restarts AS r ON r.instance = p.instance AND r.time > p.attempted
    WHERE r.counted_until < p.ended
),

-- Successful calls within attempts, as of databases, where messages failed. Those that only read or undo keep nothing.
calls AS (
    SELECT
        w.consumer_group, w.destination, w.partition_id, w.message_offset, w.trace_id, w.span_id, w.outcome, o.name,
        count(*) AS number
    FROM works AS w
    JOIN operations AS o ON o.trace_id = w.trace_id AND o.instance = w.instance
    WHERE
        o.type IS NULL AND o.kind = 'CLIENT' AND o.outcome = 'ok' AND o.started BETWEEN w.started AND w.ended
        AND NOT regexp_matches(lower(o.name), '^(select|get|head|options|find|query|ping|connect|begin|start|rollback|savepoint|release)([^a-z]|$)')
        AND w.outcome IN ('ok', 'error')
        AND (w.consumer_group, w.destination) IN (
            SELECT DISTINCT m.consumer_group, m.destination FROM missing AS m WHERE m.failed = 1
        )
    GROUP BY
        w.consumer_group, w.destination, w.partition_id, w.message_offset, w.trace_id, w.span_id, w.outcome, o.name
),

-- What a process wrote to elsewhere between a failed attempt and the commit past it, or within the attempt, where its name
-- is that of a table of failed messages, for instance. Or it set aside something then, of which it is not known what it is.
saved AS (
    SELECT DISTINCT p.consumer_group, p.destination, p.partition_id, p.message_offset
    FROM passing AS p
    JOIN missing AS m
        ON m.consumer_group = p.consumer_group AND m.destination = p.destination AND m.partition_id = p.partition_id
        AND m.message_offset = p.message_offset
    JOIN operations AS o ON o.instance = m.instance
    WHERE
        o.type IS NULL AND o.kind = 'CLIENT' AND o.outcome = 'ok' AND m.failed = 1
        AND (
            o.started BETWEEN m.failed_at AND p.ended
            OR (
                o.trace_id = m.other_trace_id AND o.started BETWEEN m.attempted AND m.failed_at
                AND regexp_matches(lower(o.name), '(^|[^a-z0-9])(fail(ed|ures?)?|errors?|dead|poison(ed)?|quarantined?|rejected)([^a-z0-9]|$)')
            )
        )
    UNION
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN untied AS u ON u.instance = m.instance
    LEFT JOIN passing AS p
        ON p.consumer_group = m.consumer_group AND p.destination = m.destination AND p.partition_id = m.partition_id
        AND p.message_offset = m.message_offset
    WHERE m.failed = 1 AND u.started >= m.failed_at AND u.started <= coalesce(p.ended, u.started)
    UNION
    -- It called what no attempt that went well did, or more often: that may have been to keep the message.
    SELECT f.consumer_group, f.destination, f.partition_id, f.message_offset
    FROM calls AS f
    LEFT JOIN (
        SELECT consumer_group, destination, name, max(number) AS number
        FROM calls
        WHERE outcome = 'ok'
        GROUP BY consumer_group, destination, name
    ) AS g ON g.consumer_group = f.consumer_group AND g.destination = f.destination AND g.name = f.name
    WHERE f.outcome = 'error' AND f.number > coalesce(g.number, 0)
    UNION
    -- Something of the attempt's own began after its end and went well: it may have been tried again in the background.
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN operations AS o ON o.trace_id = m.other_trace_id AND o.parent_id = m.other_span_id
    WHERE m.failed = 1 AND o.type IS NULL AND o.outcome = 'ok' AND o.started >= m.failed_at
    UNION
    -- So may be what links to the attempt, or to the message.
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN operations AS o ON o.repeats = m.other_span_id
    WHERE m.failed = 1 AND o.type IS NULL AND o.outcome = 'ok' AND o.started >= m.failed_at
    UNION
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN operations AS o ON o.repeats = m.span_id
    WHERE m.failed = 1 AND o.type IS NULL AND o.outcome = 'ok' AND o.started >= m.failed_at
),

-- How long after a failure messages succeeded.
recovered AS (
    SELECT r.consumer_group, r.destination, max(r.taken) AS taken
    FROM (
        SELECT
            w.consumer_group, w.destination,
            min(CASE WHEN w.outcome = 'ok' THEN w.ended END) - min(CASE WHEN w.outcome = 'error' THEN w.ended END) AS taken
        FROM works AS w
        JOIN around AS a
            ON a.consumer_group = w.consumer_group AND a.destination = w.destination AND a.partition_id = w.partition_id
            AND a.message_offset = w.message_offset
        WHERE a.finished AND a.attempts > 1
        GROUP BY w.consumer_group, w.destination, w.partition_id, w.message_offset
    ) AS r
    GROUP BY r.consumer_group, r.destination
),

-- Processes that had messages in hand when they were last heard of.
busy AS (
    SELECT instance, destination, sum(value) AS number, max(time) AS time
    FROM readings
    WHERE
        name = 'eda.consumer.in_flight' AND value > 0
        -- A later reading that does not measure them is of a process whose consumer was closed. One collection takes a moment.
        AND NOT EXISTS (SELECT 1 FROM readings AS l WHERE l.instance = readings.instance AND l.time > readings.time + 100000000)
    GROUP BY instance, destination
),

-- How long any message took, from its receipt to its end.
taken AS (
    SELECT p.consumer_group, p.destination, max(w.ended - p.ended) AS longest
    FROM pulled AS p
    JOIN works AS w
        ON w.consumer_group = p.consumer_group AND w.destination = p.destination AND w.partition_id = p.partition_id
        AND w.message_offset = p.message_offset AND w.instance = p.instance
    WHERE w.outcome = 'ok'
    GROUP BY p.consumer_group, p.destination
),

-- Messages that a process which did several at once still had when it vanished: it had no more of them without a span
-- than it had in hand, and these for longer than any message took.
unended AS (
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN busy AS b ON b.instance = m.instance AND b.destination = m.destination
    JOIN (
        SELECT instance, destination, count(*) AS number FROM missing WHERE untried GROUP BY instance, destination
    ) AS u ON u.instance = m.instance AND u.destination = m.destination
    JOIN taken AS t ON t.consumer_group = m.consumer_group AND t.destination = m.destination
    JOIN processes AS i ON i.instance = m.instance
    WHERE m.untried AND u.number <= b.number AND i.last_time - m.last_time > t.longest
),

-- Messages of partitions with missing ones: the next offset of the same key, and the last offset before a gap.
near AS (
    SELECT
        destination, partition_id, message_offset,
        CASE WHEN key_hash IS NOT NULL THEN lead(message_offset) OVER of_key END AS superseded,
        CASE WHEN lead(message_offset) OVER place > message_offset + 1 THEN message_offset END AS last
    FROM sends
    WHERE
        outcome = 'ok' AND message_offset >= 0
        AND (destination, partition_id) IN (SELECT DISTINCT destination, partition_id FROM missing WHERE NOT delivered)
    WINDOW
        of_key AS (PARTITION BY destination, partition_id, key_hash ORDER BY message_offset),
        place AS (PARTITION BY destination, partition_id ORDER BY message_offset)
),

ending AS (
    SELECT
        destination, partition_id, message_offset, superseded,
        min(last) OVER (
            PARTITION BY destination, partition_id ORDER BY message_offset
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS last
    FROM near
),

-- Compaction would also have removed messages that the group read, if there had been later ones of their keys.
read AS (
    SELECT a.consumer_group, n.destination, n.partition_id, min(n.superseded) AS uncompacted
    FROM near AS n
    JOIN around AS a
        ON a.destination = n.destination AND a.partition_id = n.partition_id AND a.message_offset = n.message_offset
    GROUP BY a.consumer_group, n.destination, n.partition_id
),

-- Messages that the group may never have been able to see. They may be compacted away. Or they may be of an aborted
-- transaction: its end takes an offset without a message, and its last message did not arrive either.
unseen AS (
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN ending AS e
        ON e.destination = m.destination AND e.partition_id = m.partition_id AND e.message_offset = m.message_offset
    LEFT JOIN read AS r
        ON r.consumer_group = m.consumer_group AND r.destination = m.destination AND r.partition_id = m.partition_id
    LEFT JOIN around AS a
        ON a.consumer_group = m.consumer_group AND a.destination = m.destination AND a.partition_id = m.partition_id
        AND a.message_offset = e.last
    WHERE
        NOT m.delivered
        AND (
            e.superseded < coalesce(r.uncompacted, e.superseded + 1)
            OR (e.last IS NOT NULL AND a.message_offset IS NULL)
        )
),

-- How long any message was worked on, or waited for a worker as well.
worked AS (
    SELECT consumer_group, destination, max(ended - started) AS longest
    FROM works
    WHERE outcome = 'ok'
    GROUP BY consumer_group, destination
),

-- The offsets that members would get next, by what they said last.
positions AS (
    SELECT consumer_group, destination, partition_id, instance, max(partition_next) AS next
    FROM events
    WHERE name = 'eda.consumer.position'
    GROUP BY consumer_group, destination, partition_id, instance
),

-- How many messages lie between the last that a process ended and where it said that it was.
waiting AS (
    SELECT g.instance, g.destination, CAST(count(DISTINCT s.span_id) AS DOUBLE) AS number
    FROM gone AS g
    JOIN busy AS y ON y.instance = g.instance AND y.destination = g.destination
    JOIN positions AS p
        ON p.consumer_group = g.consumer_group AND p.destination = g.destination AND p.partition_id = g.partition_id
        AND p.instance = g.instance
    JOIN sends AS s
        ON s.destination = g.destination AND s.partition_id = g.partition_id AND s.message_offset > g.highest
        AND s.message_offset < p.next
    WHERE s.outcome = 'ok'
    GROUP BY g.instance, g.destination
),

-- The message after the last one that a member ended, if that member said later that it had one in hand, for longer than
-- any message takes. Nothing hides it: by its key it is not compacted, and no transaction ends behind it.
-- Or all messages up to its position, if it said that it had as many in hand: they wait in a queue of the process.
held AS (
    SELECT b.consumer_group, b.destination, b.partition_id, b.message_offset
    FROM beside AS b
    JOIN busy AS y ON y.instance = b.previous_instance AND y.destination = b.destination
    JOIN worked AS t ON t.consumer_group = b.consumer_group AND t.destination = b.destination
    JOIN waiting AS w
        ON w.instance = b.previous_instance AND w.destination = b.destination AND w.number = y.number
    JOIN positions AS p
        ON p.consumer_group = b.consumer_group AND p.destination = b.destination AND p.partition_id = b.partition_id
        AND p.instance = b.previous_instance
    WHERE b.instance <> b.previous_instance AND b.message_offset < p.next AND y.time - b.previous_ended > t.longest
    UNION
    SELECT b.consumer_group, b.destination, b.partition_id, b.message_offset
    FROM beside AS b
    JOIN busy AS y ON y.instance = b.previous_instance AND y.destination = b.destination
    JOIN worked AS t ON t.consumer_group = b.consumer_group AND t.destination = b.destination
    JOIN sends AS s
        ON s.destination = b.destination AND s.partition_id = b.partition_id AND s.message_offset = b.message_offset
    LEFT JOIN unseen AS u
        ON u.consumer_group = b.consumer_group AND u.destination = b.destination AND u.partition_id = b.partition_id
        AND u.message_offset = b.message_offset
    WHERE
        b.instance <> b.previous_instance AND b.previous_offset = b.message_offset - 1 AND s.key_hash IS NOT NULL
        AND u.message_offset IS NULL AND y.time - b.previous_ended > t.longest
),

-- Pulls with missing messages that were never begun: how far attempts came in each partition, and the last one of all.
pull AS (
    SELECT
        r.trace_id, r.span_id, r.instance, r.consumer_group, r.destination, r.partition_id, r.message_offset,
        max(w.message_offset) OVER (PARTITION BY r.trace_id, r.span_id, r.destination, r.partition_id) AS reached,
        max(w.started) OVER (PARTITION BY r.trace_id, r.span_id) AS last_started, w.started, w.ended, w.outcome,
        w.handed
    FROM operations AS r
    LEFT JOIN works AS w
        ON w.consumer_group = r.consumer_group AND w.destination = r.destination AND w.partition_id = r.partition_id
        AND w.message_offset = r.message_offset AND w.instance = r.instance AND w.started >= r.started
    WHERE
        r.type = 'receive' AND r.batch > 1 AND (r.trace_id, r.span_id) IN (
            SELECT b.trace_id, b.span_id
            FROM operations AS b
            JOIN missing AS m
                ON m.consumer_group = b.consumer_group AND m.destination = b.destination
                AND m.partition_id = b.partition_id AND m.message_offset = b.message_offset
            WHERE b.type = 'receive' AND m.untried
        )
),

-- Pulls at whose last message an error left the loop.
failing AS (
    SELECT DISTINCT trace_id, span_id, instance, ended
    FROM pull
    WHERE started = last_started AND outcome = 'error' AND NOT coalesce(handed, false)
),

-- Those after which the process sent something outside of all attempts: it may have been the rest.
rest_sent AS (
    SELECT DISTINCT f.trace_id, f.span_id
    FROM failing AS f
    JOIN sends AS s ON s.instance = f.instance AND s.started BETWEEN f.ended AND f.ended + 10000000000
    LEFT JOIN works AS w ON w.trace_id = s.trace_id AND w.span_id = s.parent_id
    WHERE w.span_id IS NULL
),

-- Messages behind one whose error left the loop over their batch. A filter would not begin with the one that fails.
broken_off AS (
    SELECT DISTINCT p.consumer_group, p.destination, p.partition_id, p.message_offset
    FROM pull AS p
    JOIN failing AS f ON f.trace_id = p.trace_id AND f.span_id = p.span_id
    LEFT JOIN rest_sent AS r ON r.trace_id = f.trace_id AND r.span_id = f.span_id
    WHERE p.started IS NULL AND p.message_offset > coalesce(p.reached, -1) AND r.span_id IS NULL
),

seen AS (
    SELECT service, destination, consumer_group, count(*) AS number
    FROM missing
    WHERE delivered
    GROUP BY service, destination, consumer_group
),

ledger AS (
    SELECT
        system, service, max(instance) AS instance, destination, consumer_group,
        min(started) AS first_time, max(time) AS last_time,
        sum(CASE WHEN name = 'eda.skipped.messages' THEN value ELSE -value END) AS number
    FROM readings
    WHERE name IN ('eda.skipped.messages', 'eda.recovered.messages')
    GROUP BY system, service, destination, consumer_group
),

-- Messages that the ledgers counted and no span shows: not sampled, or lost.
counted AS (
    SELECT
        g.system, g.service, g.instance, g.destination, g.consumer_group, g.first_time, g.last_time,
        g.number - coalesce(s.number, 0) AS number
    FROM ledger AS g
    LEFT JOIN seen AS s
        ON s.service = g.service AND s.destination = g.destination AND s.consumer_group = g.consumer_group
),

-- Processes that sent more than there are spans, and whether to where messages are set aside.
unshown AS (
    SELECT c.service, c.instance, max(CASE WHEN a.destination IS NULL THEN 0 ELSE 1 END) AS aside
    FROM completeness AS c
    LEFT JOIN asides AS a ON a.destination = c.destination
    WHERE c.type = 'send' AND c.around < c.counted
    GROUP BY c.service, c.instance
),

-- What the ledgers counted may have been set aside: metrics count that, too.
put_aside AS (
    SELECT s.service, sum(s.number) AS number
    FROM (
        SELECT service, value AS number
        FROM readings
        WHERE name IN ('eda.dead_lettered.messages', 'eda.retried.messages')
        UNION ALL
        SELECT service, cast(aside AS DOUBLE) FROM unshown
    ) AS s
    GROUP BY s.service
),

-- Messages that failed, or that nobody had, whose group was done with another copy of them: one send made both, or they
-- have one id. A handler that knows what was done before may refuse the second one by an exception.
copies AS (
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN works AS w
        ON w.consumer_group = m.consumer_group AND w.destination = m.destination AND w.origin_trace = m.origin_trace
        AND w.origin_span = m.origin_span
    JOIN sends AS s ON s.trace_id = m.origin_trace AND s.span_id = m.origin_span
    WHERE w.outcome = 'ok' AND (w.partition_id <> m.partition_id OR w.message_offset <> m.message_offset) AND s.batch IS NULL
    UNION
    SELECT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN works AS f ON f.trace_id = m.other_trace_id AND f.span_id = m.other_span_id
    JOIN works AS w
        ON w.consumer_group = m.consumer_group AND w.destination = m.destination AND w.message_id = f.message_id
    WHERE w.outcome = 'ok' AND (w.partition_id <> m.partition_id OR w.message_offset <> m.message_offset)
),

-- How many messages of a partition each group had.
shares AS (
    SELECT consumer_group, destination, partition_id, count(*) AS number
    FROM around
    WHERE (destination, partition_id) IN (SELECT DISTINCT m.destination, m.partition_id FROM missing AS m WHERE m.failed = 1)
    GROUP BY consumer_group, destination, partition_id
),

-- Messages that another group was done with after they had failed, which has few others of the partition: it picks out what
-- failed, as a service for another try does that was told the offset.
picked AS (
    SELECT DISTINCT m.consumer_group, m.destination, m.partition_id, m.message_offset
    FROM missing AS m
    JOIN around AS a
        ON a.destination = m.destination AND a.partition_id = m.partition_id AND a.message_offset = m.message_offset
    JOIN shares AS g
        ON g.consumer_group = m.consumer_group AND g.destination = m.destination AND g.partition_id = m.partition_id
    JOIN shares AS o
        ON o.consumer_group = a.consumer_group AND o.destination = a.destination AND o.partition_id = a.partition_id
    WHERE
        m.failed = 1 AND a.consumer_group <> m.consumer_group AND a.finished AND a.started >= m.failed_at
        AND 2 * o.number < g.number
),

-- Spans in which an error was logged.
complaints AS (
    SELECT trace_id, span_id
    FROM events
    WHERE name = 'exception'
    GROUP BY trace_id, span_id
)

SELECT
    m.system, m.service, m.instance, m.other_instance, m.destination, m.consumer_group, m.partition_id, m.message_offset,
    m.error, m.trace_id, m.span_id, m.other_trace_id, m.other_span_id, m.first_time, m.last_time, 1 AS weight,
    CASE
        WHEN m.failed = 1 THEN 'error-swallowed' WHEN m.abandoned AND b.span_id IS NOT NULL THEN 'error-logged'
        WHEN e.message_offset IS NOT NULL THEN 'broken-off'
        WHEN m.untried AND m.went_on AND w.message_offset IS NULL THEN 'not-begun'
        WHEN m.delivered OR y.instance IS NOT NULL OR k.message_offset IS NOT NULL THEN 'died-with-it' WHEN m.late THEN 'began-late' WHEN m.before THEN 'new-partition' ELSE 'jumped-over'
    END AS cause,
    CASE
        -- A filter before the handler looks the same, and so do messages that the group could not see.
        WHEN q.span_id IS NOT NULL OR t.message_offset IS NOT NULL OR pick.message_offset IS NOT NULL OR (m.untried AND m.went_on AND w.message_offset IS NULL AND e.message_offset IS NULL) OR u.message_offset IS NOT NULL OR (m.expired AND NOT m.delivered)
            OR (
                m.abandoned
                -- The member committed past it, and nobody got it out of a queue, or it was only begun after that.
                AND NOT ((m.error IS NOT NULL OR m.handed) AND (coalesce(m.kept, false) OR m.kept_by_itself))
                AND NOT coalesce((m.ended_by IS NOT NULL OR m.taken > m.attempted) AND NOT m.left_behind AND g.ended <= m.taken, false)
            ) THEN 'SUSPECT'
        WHEN m.abandoned THEN 'LIKELY'
        -- A message of its trace was received where this service sends to, and its sending has no span: so the work may have none.
        WHEN onto.trace_id IS NOT NULL THEN 'SUSPECT'
        -- The process may have finished it in its last moments, whose spans were not exported.
        -- A call that was given a whole batch may have done some of its messages before it failed.
        WHEN m.untried OR m.handed OR m.batch > 1 THEN 'LIKELY'
        -- A member without telemetry may have had the partition before.
        -- Who begins at the end may well want what comes from then on, and no more.
        WHEN m.late THEN 'SUSPECT'
        WHEN m.before THEN 'LIKELY'
        -- Compaction may have removed what a group did not read before: nobody knows the keys, and the log's cleaner, which
        -- begins every 15 s, may have been there.
        WHEN NOT m.delivered AND j.message_offset IS NULL AND k.message_offset IS NULL
            AND (x.message_offset IS NOT NULL OR (m.keyless AND n.lay >= 15000000000)) THEN 'SUSPECT'
        WHEN m.failed = 1 AND z.aside = 1 THEN 'SUSPECT'
        WHEN o.own = 1 THEN 'SUSPECT'
        -- What it sent may have been the answer, or another try; and more may have been sent than there are spans.
        WHEN m.unsent OR o.message_offset IS NOT NULL OR a.message_offset IS NOT NULL OR NOT coalesce(h.whole AND h.until >= m.last_time, false) THEN 'LIKELY'
        WHEN away.message_offset IS NOT NULL THEN 'LIKELY'
        -- Nor do metrics show what it did after they were read: it may have tried once more before it committed.
        WHEN i.complete_until < g.ended THEN 'LIKELY'
        -- Another member may have had the partition for a while.
        WHEN m.failed = 1 AND NOT m.skipped AND coalesce(n.next_offset <> m.message_offset + 1, true)
            AND coalesce(g.committed <> m.message_offset + 1, true) THEN 'LIKELY'
        -- Automatic commits have no spans, but the ledgers may have counted all of these messages as committed past.
        WHEN m.committed > m.message_offset OR (m.failed = 1 AND l.number >= 0) THEN NULL
        ELSE 'LIKELY'
    END AS at_most,
    CAST(NULL AS BOOLEAN) AS g1, CASE WHEN m.sampled OR m.traced THEN true END AS g2,
    CASE WHEN m.failed = 1 AND d.last_time - m.last_time <= 3 * r.taken THEN false WHEN m.skipped THEN true END AS g3,
    CASE WHEN m.skipped THEN true END AS g4,
    -- The group had a new partition only after that.
    CASE WHEN m.kept AND v.message_offset IS NULL OR j.message_offset IS NOT NULL OR m.before THEN true END AS g6,
    CASE WHEN m.delivered OR m.before THEN true END AS g7,
    CASE WHEN m.delivered OR m.before OR k.message_offset IS NOT NULL THEN true END AS g8,
    CASE WHEN m.skipped OR (m.traced AND v.message_offset IS NULL) THEN true END AS g9,
    CASE
        WHEN m.committed > m.message_offset THEN 'the group committed offset ' || m.committed || ', past it'
        WHEN m.failed = 1 AND l.number >= 0 THEN 'the group committed past it'
        ELSE 'the group went on to offset ' || m.highest
    END || ', and no member of it finished it' || CASE WHEN m.failed = 1 THEN coalesce(': ' || m.error, '') ELSE '' END AS detail,
    CAST(NULL AS VARCHAR) AS message
FROM missing AS m
LEFT JOIN counted AS l
    ON l.service = m.service AND l.destination = m.destination AND l.consumer_group = m.consumer_group
LEFT JOIN unseen AS u
    ON u.consumer_group = m.consumer_group AND u.destination = m.destination AND u.partition_id = m.partition_id
    AND u.message_offset = m.message_offset
LEFT JOIN sent_on AS o
    ON o.consumer_group = m.consumer_group AND o.destination = m.destination AND o.partition_id = m.partition_id
    AND o.message_offset = m.message_offset
LEFT JOIN senders AS h ON h.service = m.service AND h.instance = m.instance
LEFT JOIN completeness AS i
    ON i.service = m.service AND i.instance = m.instance AND i.destination = m.destination AND i.type = 'process'
LEFT JOIN unshown AS z ON z.service = m.service AND z.instance = m.instance
LEFT JOIN services AS d ON d.service = m.service
LEFT JOIN recovered AS r ON r.consumer_group = m.consumer_group AND r.destination = m.destination
LEFT JOIN saved AS a
    ON a.consumer_group = m.consumer_group AND a.destination = m.destination AND a.partition_id = m.partition_id
    AND a.message_offset = m.message_offset
LEFT JOIN following AS n
    ON n.consumer_group = m.consumer_group AND n.destination = m.destination AND n.partition_id = m.partition_id
    AND n.message_offset = m.message_offset
LEFT JOIN beside AS x
    ON x.consumer_group = m.consumer_group AND x.destination = m.destination AND x.partition_id = m.partition_id
    AND x.message_offset = m.message_offset AND x.previous_instance <> x.instance AND NOT x.delivered
LEFT JOIN busy AS y
    ON y.instance = x.previous_instance AND y.destination = m.destination AND x.previous_offset = m.message_offset - 1
LEFT JOIN held AS k
    ON k.consumer_group = m.consumer_group AND k.destination = m.destination AND k.partition_id = m.partition_id
    AND k.message_offset = m.message_offset
LEFT JOIN jumped AS j
    ON j.consumer_group = m.consumer_group AND j.destination = m.destination AND j.partition_id = m.partition_id
    AND j.message_offset = m.message_offset
LEFT JOIN passing AS g
    ON g.consumer_group = m.consumer_group AND g.destination = m.destination AND g.partition_id = m.partition_id
    AND g.message_offset = m.message_offset
LEFT JOIN moved AS v
    ON v.consumer_group = m.consumer_group AND v.destination = m.destination AND v.partition_id = m.partition_id
    AND v.message_offset = m.message_offset
LEFT JOIN unended AS w
    ON w.consumer_group = m.consumer_group AND w.destination = m.destination AND w.partition_id = m.partition_id
    AND w.message_offset = m.message_offset
LEFT JOIN broken_off AS e
    ON e.consumer_group = m.consumer_group AND e.destination = m.destination AND e.partition_id = m.partition_id
    AND e.message_offset = m.message_offset AND m.untried
LEFT JOIN copies AS t
    ON t.consumer_group = m.consumer_group AND t.destination = m.destination AND t.partition_id = m.partition_id
    AND t.message_offset = m.message_offset
LEFT JOIN picked AS pick
    ON pick.consumer_group = m.consumer_group AND pick.destination = m.destination AND pick.partition_id = m.partition_id
    AND pick.message_offset = m.message_offset
LEFT JOIN afterwards AS away
    ON away.consumer_group = m.consumer_group AND away.destination = m.destination AND away.partition_id = m.partition_id
    AND away.message_offset = m.message_offset
LEFT JOIN complaints AS b ON b.trace_id = m.other_trace_id AND b.span_id = m.other_span_id
LEFT JOIN asked AS q ON q.trace_id = m.other_trace_id AND q.span_id = m.other_span_id
LEFT JOIN forwarded AS onto
    ON onto.trace_id = m.origin_trace AND onto.service = m.service AND m.other_span_id IS NULL
WHERE
    coalesce(o.aside, 0) = 0
    -- Code that keeps a message when its loop is over, as a generator does that is closed then, may be done with it when
    -- the member says so by a commit of its own, and no error was logged meanwhile.
    AND NOT (
        m.abandoned AND NOT m.handed AND m.ended_by IS NULL AND m.error IS NULL AND g.committed IS NOT NULL AND b.span_id IS NULL
        AND NOT coalesce(g.ended <= m.taken, false)
    )
    AND NOT EXISTS (
        SELECT 1 FROM sends AS again
        WHERE
            again.linked AND again.outcome = 'ok' AND again.origin_trace = m.origin_trace AND again.origin_span = m.origin_span
            -- The message itself may have been sent so, in a batch.
            AND again.span_id <> m.span_id AND (again.batch IS NULL OR again.started >= m.first_time)
    )
UNION ALL
SELECT
    system, c.service, instance, CAST(NULL AS VARCHAR), destination, consumer_group, CAST(NULL AS VARCHAR),
    CAST(NULL AS BIGINT), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), first_time, last_time, cast(c.number AS BIGINT), 'error-swallowed',
    -- Only a span would show whether the handler sent the message on.
    CASE WHEN p.number > 0 THEN 'SUSPECT' ELSE 'LIKELY' END, true, true, true, true, true, true, true, true,
    'the consumer''s own ledger counted ' || cast(c.number AS BIGINT) || ' messages that were committed past and never succeeded',
    CAST(NULL AS VARCHAR)
FROM counted AS c
LEFT JOIN put_aside AS p ON p.service = c.service
WHERE c.number > 0
