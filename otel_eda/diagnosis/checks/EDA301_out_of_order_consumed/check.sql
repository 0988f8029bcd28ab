-- gates: G1 G4 G5
-- news: message
-- Destinations that one process reads from several brokers, or whose messages are all read at the broker to which they
-- were sent: each has a log of its own.
WITH several AS (
    SELECT destination AS topic
    FROM works
    GROUP BY destination, instance
    HAVING min(server) < max(server)
    UNION
    SELECT w.destination AS topic
    FROM works AS w
    JOIN epochs AS e ON e.destination = w.destination
    JOIN sends AS s ON s.trace_id = w.origin_trace AND s.span_id = w.origin_span
    WHERE NOT e.one AND w.key_hash <> '' AND w.message_offset IS NOT NULL
    GROUP BY w.destination
    HAVING min(w.server) < max(w.server) AND bool_and(w.server = s.server)
),

first_attempt AS (
    SELECT
        system, consumer_group, destination, partition_id, key_hash, message_offset,
        CASE WHEN topic IS NOT NULL THEN server END AS broker,
        min(started) AS started, arg_min(ended, started) AS ended, arg_min(service, started) AS service, arg_min(instance, started) AS instance,
        arg_min(host, started) AS host, arg_min(trace_id, started) AS trace_id, arg_min(span_id, started) AS span_id,
        arg_min(origin_trace, started) AS origin_trace, arg_min(origin_span, started) AS origin_span,
        bool_or(coalesce(misordered, false)) AS misordered
    FROM works
    LEFT JOIN several ON topic = destination
    WHERE consumer_group IS NOT NULL AND key_hash <> '' AND message_offset IS NOT NULL
    GROUP BY
        system, consumer_group, destination, partition_id, key_hash, message_offset, CASE WHEN topic IS NOT NULL THEN server END
),

ordered AS (
    SELECT
        *,
        lag(started) OVER of_key AS previous_started,
        lag(ended) OVER of_key AS previous_ended,
        lag(message_offset) OVER of_key AS previous_offset,
        lag(instance) OVER of_key AS previous_instance,
        lag(host) OVER of_key AS previous_host,
        lag(trace_id) OVER of_key AS previous_trace,
        lag(span_id) OVER of_key AS previous_span,
        lag(origin_trace) OVER of_key AS previous_origin_trace,
        lag(origin_span) OVER of_key AS previous_origin_span,
        lead(started) OVER of_key AS next_started,
        lead(trace_id) OVER of_key AS next_trace,
        lead(span_id) OVER of_key AS next_span
    FROM first_attempt
    WINDOW of_key AS (
        PARTITION BY system, consumer_group, destination, partition_id, key_hash, broker ORDER BY message_offset
    )
),

-- Messages that the ledgers counted and no span shows: not sampled, or lost.
counted AS (
    SELECT
        system, service, instance, destination, consumer_group, min(started) AS first_time, max(time) AS last_time,
        sum(value) AS number
    FROM readings AS r
    WHERE
        name = 'eda.out_of_order.messages'
        AND NOT EXISTS (SELECT 1 FROM works AS w WHERE w.misordered AND w.service = r.service)
    GROUP BY system, service, instance, destination, consumer_group
)

SELECT
    o.system, o.service, o.instance, o.previous_instance AS other_instance, o.host, o.previous_host AS other_host,
    o.destination, o.consumer_group, o.partition_id, o.message_offset, o.key_hash,
    o.trace_id, o.span_id, o.previous_trace AS other_trace_id, o.previous_span AS other_span_id,
    o.started AS first_time, o.previous_started AS last_time, 1 AS weight,
    CASE WHEN o.instance = o.previous_instance THEN 'concurrent' ELSE 'other-member' END AS cause,
    -- A group that goes back to what it had left out wants that order: it was done with the later message before.
    CASE
        -- A log that was made anew, or cut, gives lower offsets to what was sent later: these are two logs.
        WHEN p.started > s.ended AND p.instance = s.instance THEN 'SUSPECT'
        -- Or the first attempt at the later message is missing, and this is another one.
        WHEN o.previous_started > o.ended + 1000000000 AND k.destination IS NOT NULL THEN 'SUSPECT'
        -- Only the later message began before it was sent: the clock was set back in between.
        WHEN s.started > o.started AND p.started <= o.previous_started THEN 'SUSPECT'
        -- Two members may be those of two groups of one name, each with a broker of that name.
        WHEN o.previous_started > o.ended OR h.time <= o.previous_started OR o.instance <> o.previous_instance THEN 'LIKELY'
    END AS at_most,
    CAST(NULL AS BOOLEAN) AS g1, CAST(NULL AS BOOLEAN) AS g4,
    -- Several machines may share one name of a process.
    CASE WHEN o.instance = o.previous_instance AND o.host IS NOT DISTINCT FROM o.previous_host THEN true END AS g5,
    'begun before offset ' || o.previous_offset || ' of the same key' AS detail
FROM ordered AS o
CROSS JOIN settings AS t
LEFT JOIN short AS k ON k.destination = o.destination
LEFT JOIN sends AS s ON s.trace_id = o.origin_trace AND s.span_id = o.origin_span
LEFT JOIN sends AS p ON p.trace_id = o.previous_origin_trace AND p.span_id = o.previous_origin_span
ASOF LEFT JOIN handovers AS h
    ON h.consumer_group = o.consumer_group AND h.destination = o.destination AND h.partition_id = o.partition_id
    AND h.time >= o.started
WHERE o.previous_started > o.started + CASE WHEN o.instance = o.previous_instance THEN 0 ELSE t.skew END
UNION ALL
-- Where a loop hands messages to workers, a span begins before the work: only the ledger knows when the work began.
SELECT
    system, service, instance, CAST(NULL AS VARCHAR), host, CAST(NULL AS VARCHAR),
    destination, consumer_group, partition_id, message_offset, key_hash, trace_id, span_id, next_trace, next_span,
    started, started, 1, 'concurrent', CAST(NULL AS VARCHAR), true, CAST(NULL AS BOOLEAN), true,
    'begun after a later message of the same key, by the consumer''s own ledger'
FROM ordered
WHERE misordered AND (next_started IS NULL OR next_started >= started)
UNION ALL
-- They began in order, and the later one was done first.
SELECT
    system, service, instance, previous_instance, host, previous_host,
    destination, consumer_group, partition_id, message_offset, key_hash, trace_id, span_id, previous_trace, previous_span,
    started, previous_ended, 1, 'concurrent', 'SUSPECT', CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN),
    'done before offset ' || previous_offset || ' of the same key, which had begun earlier'
FROM ordered
WHERE previous_started <= started AND previous_ended > ended AND NOT misordered
UNION ALL
-- ZeroMQ: the receiver had a later number of the same sender before.
SELECT
    system, service, instance, CAST(NULL AS VARCHAR), host, CAST(NULL AS VARCHAR),
    destination, consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT), CAST(NULL AS VARCHAR), trace_id, span_id,
    CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), started, ended, 1, 'arrived-late', CAST(NULL AS VARCHAR), true, true, true,
    'number ' || sequence || ' of its sender came after a later one'
FROM works
WHERE misordered AND sender IS NOT NULL AND sequence IS NOT NULL
UNION ALL
SELECT
    system, service, instance, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    destination, consumer_group, CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    first_time, last_time, cast(number AS BIGINT), 'concurrent', CAST(NULL AS VARCHAR), true, true, true,
    'the consumer''s own ledger counted ' || cast(number AS BIGINT) || ' messages begun after a later one of the same key'
FROM counted
WHERE number > 0
