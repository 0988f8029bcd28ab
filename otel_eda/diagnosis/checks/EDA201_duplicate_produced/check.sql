-- gates: G4
-- news: message
-- Spans whose event may be at several places: the span alone says so in less memory.
WITH repeated AS (
    SELECT origin_span
    FROM operations
    WHERE message_offset IS NOT NULL AND partition_id IS NOT NULL AND origin_span IS NOT NULL
    GROUP BY origin_span
    HAVING min(message_offset) < max(message_offset) OR min(partition_id) < max(partition_id)
),

copy AS (
    SELECT *
    FROM operations
    WHERE
        message_offset IS NOT NULL AND partition_id IS NOT NULL AND destination IS NOT NULL
        AND origin_span IN (SELECT r.origin_span FROM repeated AS r)
        AND (type = 'send' OR (type IN ('receive', 'process') AND linked))
),

-- Events with several offsets.
several AS (
    SELECT destination, origin_trace, origin_span
    FROM copy
    GROUP BY destination, origin_trace, origin_span
    HAVING min(message_offset) < max(message_offset) OR min(partition_id) < max(partition_id)
),

place AS (
    SELECT
        c.system, c.destination, c.partition_id, c.message_offset, c.origin_trace, c.origin_span,
        min(c.message_time) AS message_time, min(c.started) AS started, max(c.ended) AS ended,
        arg_min(c.trace_id, c.started) AS trace_id, arg_min(c.span_id, c.started) AS span_id,
        arg_min(c.service, c.started) AS service, arg_min(c.instance, c.started) AS instance, max(c.message_id) AS message_id
    FROM copy AS c
    JOIN several AS e
        ON e.destination = c.destination AND e.origin_trace = c.origin_trace AND e.origin_span = c.origin_span
    GROUP BY c.system, c.destination, c.partition_id, c.message_offset, c.origin_trace, c.origin_span
),

pair AS (
    SELECT
        *,
        lead(message_offset) OVER copies AS next_offset,
        lead(partition_id) OVER copies AS next_partition,
        lead(message_time) OVER copies AS next_time,
        lead(message_id) OVER copies AS next_id,
        lead(trace_id) OVER copies AS next_trace,
        lead(span_id) OVER copies AS next_span,
        lead(started) OVER copies AS next_started,
        lead(ended) OVER copies AS next_ended
    FROM place
    WINDOW copies AS (PARTITION BY system, destination, origin_trace, origin_span ORDER BY partition_id, message_offset)
),

-- Places by the id that the sender gave the event: two turns of a relay, or two of its replicas, have a span each.
named AS (
    SELECT
        system, destination, partition_id, message_offset, message_id,
        min(started) AS started, max(ended) AS ended, max(key_hash) AS key_hash,
        arg_min(origin_trace, started) AS origin_trace, arg_min(origin_span, started) AS origin_span,
        arg_min(trace_id, started) AS trace_id, arg_min(span_id, started) AS span_id,
        arg_min(service, started) AS service, arg_min(instance, started) AS instance,
        max(CASE WHEN type = 'send' THEN instance END) AS teller
    FROM operations
    WHERE
        message_id IS NOT NULL AND message_offset IS NOT NULL AND partition_id IS NOT NULL AND destination IS NOT NULL
        AND type IN ('send', 'process')
    GROUP BY system, destination, partition_id, message_offset, message_id
),

twice AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY system, destination, message_id) AS copies,
        lead(partition_id) OVER same AS next_partition,
        lead(message_offset) OVER same AS next_offset,
        lead(key_hash) OVER same AS next_key,
        lead(origin_span) OVER same AS next_origin,
        lead(trace_id) OVER same AS next_trace,
        lead(span_id) OVER same AS next_span,
        lead(instance) OVER same AS next_instance,
        lead(teller) OVER same AS next_teller,
        lead(started) OVER same AS next_started,
        lead(ended) OVER same AS next_ended
    FROM named
    WINDOW same AS (PARTITION BY system, destination, message_id ORDER BY started, partition_id, message_offset)
),

-- Where most ids are those of three messages or more, or of several services', they name what the messages are about, such
-- as an order that is created, paid and shipped.
subjects AS (
    SELECT destination
    FROM (
        SELECT
            destination, message_id, count(*) AS places,
            count(DISTINCT CASE WHEN teller IS NOT NULL THEN service END) AS services
        FROM named
        GROUP BY destination, message_id
    ) AS i
    GROUP BY destination
    HAVING count(*) >= 3 AND 2 * count(CASE WHEN places > 2 OR services > 1 THEN 1 END) > count(*)
),

-- Messages that somebody could not process, or set aside, by when.
unfinished AS (
    SELECT destination, partition_id, message_offset, started
    FROM works
    WHERE outcome <> 'ok'
    UNION ALL
    SELECT w.destination, w.partition_id, w.message_offset, d.started
    FROM set_aside AS d
    JOIN works AS w ON w.trace_id = d.trace_id AND w.instance = d.instance
    WHERE d.started BETWEEN w.started AND w.ended  -- be it from within a handler
),

-- Without offsets: messages by the id that their sender gave them. What a handler sends of a message that it was at, such
-- as another try, is no second one of its sender's.
published AS (
    SELECT s.*
    FROM sends AS s
    LEFT JOIN (
        SELECT trace_id, message_id, min(started) AS started
        FROM works
        WHERE message_id IS NOT NULL
        GROUP BY trace_id, message_id
    ) AS w ON w.trace_id = s.trace_id AND w.message_id = s.message_id AND w.started <= s.started
    WHERE
        s.message_id IS NOT NULL AND s.message_offset IS NULL AND s.destination IS NOT NULL AND s.outcome = 'ok'
        AND NOT s.linked AND w.message_id IS NULL
),

published_again AS (
    SELECT
        system, destination, message_id, count(*) AS number, count(DISTINCT instance) AS instances,
        count(DISTINCT service) AS services, arg_min(service, started) AS service, min(started) AS first_time, max(ended) AS last_time,
        arg_min(trace_id, started) AS trace_id, arg_min(span_id, started) AS span_id,
        arg_min(instance, started) AS instance, arg_max(trace_id, started) AS other_trace_id,
        arg_max(span_id, started) AS other_span_id, arg_max(instance, started) AS other_instance
    FROM published
    GROUP BY system, destination, message_id
    HAVING count(*) > 1
),

-- An id that is that of an order, say, and not of a message, comes again within one process as well.
habit AS (
    SELECT service, destination, count(*) AS ids, max(number - instances) AS inside
    FROM published_again
    GROUP BY service, destination
),

-- Records behind a message of their partition that was sent after the answer to their own sending, a second or more later.
behind AS (
    SELECT p.destination, p.origin_trace, p.origin_span, p.partition_id, p.next_offset, x.started
    FROM pair AS p
    ASOF JOIN (
        SELECT destination, partition_id, message_offset, started
        FROM sends
        WHERE
            outcome = 'ok' AND (destination, partition_id) IN (
                SELECT DISTINCT n.destination, n.partition_id FROM pair AS n WHERE n.next_offset IS NOT NULL
            )
    ) AS x ON x.destination = p.destination AND x.partition_id = p.partition_id AND x.message_offset < p.next_offset
    WHERE p.next_partition = p.partition_id AND p.next_offset IS NOT NULL
),

belated AS (
    SELECT DISTINCT b.destination, b.origin_trace, b.origin_span, b.partition_id, b.next_offset
    FROM behind AS b
    JOIN sends AS s ON s.trace_id = b.origin_trace AND s.span_id = b.origin_span
    WHERE b.started - s.ended > 1000000000
)

SELECT
    p.system, coalesce(f.service, s.service, p.service) AS service, p.instance, p.destination, p.partition_id, p.message_offset,
    p.origin_trace || '-' || p.origin_span AS message,
    p.trace_id, p.span_id, p.next_trace AS other_trace_id, p.next_span AS other_span_id,
    p.started AS first_time, p.next_ended AS last_time,
    CASE
        WHEN f.origin_span IS NOT NULL AND o.span_id IS NOT NULL THEN 'relayed'
        WHEN f.origin_span IS NOT NULL THEN 'sent-again'
        WHEN p.next_partition = p.partition_id AND p.next_time = p.message_time AND l.origin_span IS NULL THEN 'retried'
        ELSE 'copied'
    END AS cause,
    CASE
        -- A context that is no creation's, as one that was put into headers by hand, may be that of several messages.
        WHEN s.span_id IS NULL AND c.span_id IS NULL AND coalesce(f.senders, 0) < 2 THEN 'SUSPECT'
        WHEN f.origin_span IS NOT NULL THEN 'LIKELY'
        -- A span around several sends gives all of them its context; that of one send has the offset of one message.
        WHEN s.batch > 1 THEN 'SUSPECT'
        -- Forked processes with one seed give two sends the same ids.
        WHEN g.service IS NOT NULL THEN 'SUSPECT'
        WHEN s.message_offset IS NULL THEN 'LIKELY'
        -- A client sends nothing again after the answer: somebody put it there later, headers, time and all.
        WHEN l.origin_span IS NOT NULL THEN 'LIKELY'
        WHEN p.next_partition = p.partition_id AND p.next_time = p.message_time AND b.origin_span IS NOT NULL THEN NULL
        ELSE 'LIKELY'
    END AS at_most,
    'the same event is also at ' || p.next_partition || '@' || p.next_offset AS detail
FROM pair AS p
LEFT JOIN (
    SELECT span_id, trace_id, min(service) AS service, min(message_offset) AS message_offset, max(batch) AS batch
    FROM sends
    WHERE span_id IN (SELECT r.origin_span FROM repeated AS r)
    GROUP BY span_id, trace_id
) AS s ON s.span_id = p.origin_span AND s.trace_id = p.origin_trace
LEFT JOIN (
    SELECT DISTINCT d.service
    FROM (
        SELECT min(service) AS service
        FROM sends
        WHERE service IN (
            SELECT x.service FROM sends AS x WHERE x.span_id IN (SELECT r.origin_span FROM repeated AS r)
        )
        GROUP BY trace_id, span_id
        HAVING min(started) < max(started) OR min(instance) < max(instance)
    ) AS d
) AS g ON g.service = s.service
LEFT JOIN (
    SELECT destination, origin_trace, origin_span, min(service) AS service, count(DISTINCT instance) AS senders
    FROM sends
    WHERE linked AND origin_span IN (SELECT r.origin_span FROM repeated AS r)
    GROUP BY destination, origin_trace, origin_span
) AS f ON f.origin_span = p.origin_span AND f.origin_trace = p.origin_trace AND f.destination = p.destination
-- The creating span did not send: somebody else sends the event, such as the relay of an outbox.
LEFT JOIN (
    SELECT DISTINCT span_id, trace_id
    FROM operations
    WHERE type IS DISTINCT FROM 'send' AND span_id IN (SELECT r.origin_span FROM repeated AS r)
) AS o ON o.span_id = p.origin_span AND o.trace_id = p.origin_trace
LEFT JOIN (
    SELECT DISTINCT span_id, trace_id
    FROM operations
    WHERE type = 'create' AND span_id IN (SELECT r.origin_span FROM repeated AS r)
) AS c ON c.span_id = p.origin_span AND c.trace_id = p.origin_trace
-- A member had both out of one log. A mirror in another cluster of that name keeps time, partition and headers, too.
LEFT JOIN (
    SELECT DISTINCT destination, partition_id, origin_trace, origin_span
    FROM copy
    WHERE type <> 'send'
    GROUP BY destination, partition_id, origin_trace, origin_span, consumer_group, instance
    HAVING min(message_offset) < max(message_offset)
) AS b
    ON b.destination = p.destination AND b.partition_id = p.partition_id AND b.origin_trace = p.origin_trace
    AND b.origin_span = p.origin_span
LEFT JOIN belated AS l
    ON l.destination = p.destination AND l.origin_trace = p.origin_trace AND l.origin_span = p.origin_span
    AND l.partition_id = p.partition_id AND l.next_offset = p.next_offset
LEFT JOIN (
    SELECT destination, partition_id, message_offset, min(started) AS started
    FROM unfinished
    GROUP BY destination, partition_id, message_offset
) AS u ON u.destination = p.destination AND u.partition_id = p.partition_id AND u.message_offset = p.message_offset
WHERE
    p.next_offset IS NOT NULL AND coalesce(p.next_id = p.message_id, true)
    -- A replay of what could not be processed may copy its headers. The client itself keeps the message's time as well.
    AND NOT coalesce(u.started <= p.next_started AND (p.next_partition <> p.partition_id OR coalesce(p.next_time <> p.message_time, true)), false)
    -- The context is that of another kind of work, put in by hand: of all events of a request, for instance.
    AND NOT (s.span_id IS NULL AND c.span_id IS NULL AND o.span_id IS NOT NULL AND coalesce(f.senders, 0) < 2)
UNION ALL
SELECT
    t.system, t.service, t.instance, t.destination, t.partition_id, t.message_offset, t.origin_trace || '-' || t.origin_span,
    t.trace_id, t.span_id, t.next_trace, t.next_span, t.started, t.next_ended,
    CASE
        WHEN t.teller IS NULL AND t.next_teller IS NULL AND t.origin_span IS NULL THEN 'unseen-sender'
        WHEN t.instance = t.next_instance THEN 'sent-twice'
        ELSE 'two-senders'
    END,
    -- Whoever sends it may want it, and an id in a header is only as good as those who write it. Each process may count
    -- its own events from one on.
    CASE
        WHEN coalesce(t.teller <> t.next_teller, true) AND regexp_matches(t.message_id, '^[0-9]{1,9}$') THEN 'SUSPECT'
        WHEN j.destination IS NOT NULL THEN 'SUSPECT'
        ELSE 'LIKELY'
    END,
    'the same event is also at ' || t.next_partition || '@' || t.next_offset || ', by its id ' || t.message_id
FROM twice AS t
LEFT JOIN subjects AS j ON j.destination = t.destination
WHERE
    -- Senders without instrumentation give their messages ids, but no contexts.
    t.next_offset IS NOT NULL AND (t.origin_span IS NULL OR t.origin_span IS DISTINCT FROM t.next_origin)
    -- Where one id is that of many messages, or of other keys, it does not name the event.
    AND t.copies <= 4 AND t.key_hash IS NOT DISTINCT FROM t.next_key
    -- That may have been sent once more, to be tried again, as a dead letter by a replay.
    AND NOT EXISTS (
        SELECT 1 FROM unfinished AS w
        WHERE
            w.destination = t.destination AND w.partition_id = t.partition_id AND w.message_offset = t.message_offset
            AND w.started <= t.next_started
    )
UNION ALL
SELECT
    t.system, t.service, t.instance, t.destination, CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT),
    t.trace_id || '-' || t.span_id, t.trace_id, t.span_id, t.other_trace_id, t.other_span_id, t.first_time, t.last_time,
    CASE WHEN t.instances > 1 THEN 'two-senders' ELSE 'sent-twice' END,
    CASE WHEN t.services = 1 AND h.inside = 0 AND h.ids >= 3 AND NOT regexp_matches(t.message_id, '^[0-9]{1,9}$') THEN 'LIKELY' ELSE 'SUSPECT' END,
    'the id ' || t.message_id || ' was published ' || t.number || ' times'
FROM published_again AS t
JOIN habit AS h ON h.service = t.service AND h.destination = t.destination
