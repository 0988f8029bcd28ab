-- gates: G1 G2 G3 G4 G6 G7 G8 G9
-- news: message
WITH reader AS (
    SELECT
        consumer_group, destination, partition_id,
        min(message_offset) AS lowest, max(message_offset) AS highest, max(service) AS service
    FROM works
    WHERE consumer_group IS NOT NULL AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id
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

passed AS (
    SELECT consumer_group, destination, partition_id, instance, max(committed) AS committed
    FROM commits
    WHERE consumer_group IS NOT NULL
    GROUP BY consumer_group, destination, partition_id, instance
),

-- How far each member came.
gone AS (
    SELECT consumer_group, destination, partition_id, instance, max(message_offset) AS highest
    FROM works
    WHERE consumer_group IS NOT NULL AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id, instance
),

-- Messages with attempts, none of which succeeded.
tried AS (
    SELECT
        w.system, w.consumer_group, w.destination, w.partition_id, w.message_offset,
        max(CASE WHEN w.outcome = 'error' THEN 1 ELSE 0 END) AS failed,
        -- The consumer's own ledger saw that the group committed past it.
        max(CASE WHEN w.skipped THEN 1 ELSE 0 END) AS skipped,
        min(w.started) AS started, max(w.ended) AS ended, max(w.error) AS error,
        -- The last attempt's.
        arg_max(w.trace_id, w.started) AS trace_id, arg_max(w.span_id, w.started) AS span_id,
        arg_max(w.service, w.started) AS service, arg_max(w.instance, w.started) AS instance,
        arg_max(w.origin_trace, w.started) AS origin_trace, arg_max(w.origin_span, w.started) AS origin_span
    FROM works AS w
    JOIN around AS a
        ON a.consumer_group = w.consumer_group AND a.destination = w.destination AND a.partition_id = w.partition_id
        AND a.message_offset = w.message_offset
    WHERE NOT a.finished
    GROUP BY w.system, w.consumer_group, w.destination, w.partition_id, w.message_offset
),

pulled AS (
    SELECT consumer_group, destination, partition_id, message_offset, max(ended) AS ended, max(instance) AS instance
    FROM operations
    WHERE type = 'receive' AND consumer_group IS NOT NULL AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id, message_offset
),

alive AS (
    SELECT instance, max(ended) AS last_time
    FROM operations
    GROUP BY instance
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
        s.started AS first_time, greatest(s.ended, coalesce(t.ended, p.ended, 0)) AS last_time,
        d.committed, coalesce(t.failed, 0) AS failed, r.highest, false AS skipped,
        coalesce(t.message_offset, p.message_offset, h.message_offset) IS NOT NULL AS delivered,
        -- The member that had the message committed past it. So no other member got it, whoever has the partition now.
        greatest(coalesce(c.committed, h.committed), coalesce(h.committed, 0)) > s.message_offset AS kept,
        t.message_offset IS NULL AND coalesce(p.message_offset, h.message_offset) IS NOT NULL AS untried,
        b.start > s.message_offset AS expired,
        g.highest > s.message_offset OR i.last_time - coalesce(p.ended, h.time) > z.grace AS went_on,
        -- Sampled on both sides: a member received it, and every process has as many spans as it counted messages.
        coalesce(t.message_offset, p.message_offset, h.message_offset) IS NOT NULL AND k.whole AS sampled
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
    LEFT JOIN gone AS g
        ON g.consumer_group = r.consumer_group AND g.destination = s.destination AND g.partition_id = s.partition_id
        AND g.instance = coalesce(t.instance, p.instance, h.instance)
    LEFT JOIN alive AS i ON i.instance = coalesce(t.instance, p.instance, h.instance)
    CROSS JOIN settings AS z
    LEFT JOIN known AS k ON k.destination = s.destination
    WHERE
        s.outcome = 'ok'
        AND s.message_offset > r.lowest
        AND NOT coalesce(a.finished, false)
        AND coalesce(t.skipped, 0) = 0
        -- The group is past the message: it committed a later offset, or processed later messages.
        AND (d.committed > s.message_offset OR r.highest > s.message_offset)
    UNION ALL
    SELECT
        t.system, t.service, t.instance, CAST(NULL AS VARCHAR), t.destination, t.consumer_group, t.partition_id,
        t.message_offset, t.origin_trace, t.origin_span, t.origin_trace, t.origin_span, t.trace_id, t.span_id, t.error,
        t.started, t.ended, t.message_offset + 1, t.failed, t.message_offset, true, true, true, false, false, false, true
    FROM tried AS t
    WHERE t.skipped = 1
),

-- Messages that an attempt, or a handler in it, sent on: to a dead-letter or retry destination, or as an answer.
handed AS (
    SELECT w.consumer_group, w.destination, w.partition_id, w.message_offset
    FROM works AS w
    JOIN sends AS onward ON onward.trace_id = w.trace_id AND onward.parent_id = w.span_id
    WHERE w.outcome <> 'ok'
    UNION
    SELECT w.consumer_group, w.destination, w.partition_id, w.message_offset
    FROM works AS w
    JOIN operations AS h ON h.trace_id = w.trace_id AND h.parent_id = w.span_id
    JOIN sends AS onward ON onward.trace_id = h.trace_id AND onward.parent_id = h.span_id
    WHERE w.outcome <> 'ok'
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
)

SELECT
    m.system, m.service, m.instance, other_instance, m.destination, m.consumer_group, m.partition_id, m.message_offset,
    error, trace_id, span_id, other_trace_id, other_span_id, m.first_time, m.last_time, 1 AS weight,
    CASE
        WHEN failed = 1 THEN 'error-swallowed' WHEN untried AND went_on THEN 'not-begun'
        WHEN delivered THEN 'died-with-it' ELSE 'jumped-over'
    END AS cause,
    CASE
        -- A filter before the handler looks the same, and so do messages that the group could not see.
        WHEN (untried AND went_on) OR u.message_offset IS NOT NULL OR (expired AND NOT delivered) THEN 'SUSPECT'
        -- The process may have finished it in its last moments, whose spans were not exported.
        WHEN untried THEN 'LIKELY'
        -- Automatic commits have no spans, but the ledgers may have counted all of these messages as committed past.
        WHEN committed > m.message_offset OR (failed = 1 AND l.number >= 0) THEN NULL
        ELSE 'LIKELY'
    END AS at_most,
    CASE WHEN skipped THEN true END AS g1, CASE WHEN sampled THEN true END AS g2, CAST(NULL AS BOOLEAN) AS g3,
    CASE WHEN skipped THEN true END AS g4, CASE WHEN kept THEN true END AS g6,
    CASE WHEN skipped THEN true END AS g7, CASE WHEN delivered THEN true END AS g8,
    CASE WHEN skipped THEN true END AS g9,
    CASE
        WHEN committed > m.message_offset THEN 'the group committed offset ' || committed || ', past it'
        WHEN failed = 1 AND l.number >= 0 THEN 'the group committed past it'
        ELSE 'the group went on to offset ' || highest
    END || ', and no member of it finished it' || CASE WHEN failed = 1 THEN coalesce(': ' || error, '') ELSE '' END AS detail
FROM missing AS m
LEFT JOIN counted AS l
    ON l.service = m.service AND l.destination = m.destination AND l.consumer_group = m.consumer_group
LEFT JOIN unseen AS u
    ON u.consumer_group = m.consumer_group AND u.destination = m.destination AND u.partition_id = m.partition_id
    AND u.message_offset = m.message_offset
WHERE
    NOT EXISTS (
        SELECT 1 FROM handed AS p
        WHERE
            p.consumer_group = m.consumer_group AND p.destination = m.destination
            AND p.partition_id = m.partition_id AND p.message_offset = m.message_offset
    )
    AND NOT EXISTS (
        SELECT 1 FROM sends AS again
        WHERE again.linked AND again.origin_trace = m.origin_trace AND again.origin_span = m.origin_span
    )
UNION ALL
SELECT
    system, service, instance, CAST(NULL AS VARCHAR), destination, consumer_group, CAST(NULL AS VARCHAR),
    CAST(NULL AS BIGINT), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), first_time, last_time, cast(number AS BIGINT), 'error-swallowed',
    -- Only a span would show whether the handler sent the message on.
    'LIKELY', true, true, true, true, true, true, true, true,
    'the consumer''s own ledger counted ' || cast(number AS BIGINT) || ' messages that were committed past and never succeeded'
FROM counted
WHERE number > 0
