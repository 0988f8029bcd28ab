-- gates: none
-- news: message
WITH dead AS (
    SELECT * FROM set_aside WHERE aside <> 'retry'
),

-- A failure of a handler that the consumer caught in order to set the message aside.
failed AS (
    SELECT trace_id, parent_id, max(error) AS error, max(error_text) AS error_text, min(ended) AS ended
    FROM operations
    WHERE type = 'handle' AND error IS NOT NULL
    GROUP BY trace_id, parent_id
),

source AS (
    SELECT
        d.span_id AS sent, d.trace_id AS sent_trace, w.destination, w.consumer_group, w.partition_id, w.message_offset,
        w.trace_id, w.span_id, coalesce(w.error, f.error) AS error, coalesce(w.error_text, f.error_text) AS error_text
    FROM dead AS d
    JOIN works AS w ON w.trace_id = d.trace_id AND w.span_id = d.parent_id
    LEFT JOIN failed AS f ON f.trace_id = w.trace_id AND f.parent_id = w.span_id AND f.ended <= d.started
    UNION ALL
    SELECT
        d.span_id, d.trace_id, w.destination, w.consumer_group, w.partition_id, w.message_offset,
        w.trace_id, w.span_id, coalesce(h.error, w.error), coalesce(h.error_text, w.error_text)
    FROM dead AS d
    JOIN operations AS h ON h.trace_id = d.trace_id AND h.span_id = d.parent_id AND h.type IS DISTINCT FROM 'process'
    JOIN works AS w ON w.trace_id = h.trace_id AND w.span_id = h.parent_id
    UNION ALL
    -- The consumer caught the error, and sent the message when the attempt was over.
    SELECT
        e.sent_span, e.sent_trace, w.destination, w.consumer_group, w.partition_id, w.message_offset,
        w.trace_id, w.span_id, w.error, w.error_text
    FROM excused AS e
    JOIN works AS w ON w.trace_id = e.trace_id AND w.span_id = e.span_id
),

-- A replayed dead letter keeps its headers about deaths: only the first delivery after a death shows that death.
buried AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY coalesce(origin_trace, trace_id), coalesce(origin_span, span_id), deaths ORDER BY started
        ) AS place
    FROM works
    WHERE deaths > 0 AND coalesce(death_reason, '') <> 'expired' AND coalesce(death_reason, '') <> 'maxlen'
),

-- Messages that were refused for good where the queue was declared with a dead-letter exchange.
refused AS (
    SELECT
        r.system, r.service, r.instance, r.destination, r.started, r.ended, r.origin_trace, r.origin_span,
        coalesce(w.trace_id, n.trace_id) AS trace_id, coalesce(w.span_id, n.span_id) AS span_id,
        coalesce(w.error, n.error) AS error, coalesce(w.error_text, n.error_text) AS error_text,
        EXISTS (
            SELECT 1 FROM operations AS o
            WHERE
                o.origin_trace = r.origin_trace AND o.origin_span = r.origin_span AND o.started > r.started
                AND (o.type IN ('receive', 'process') OR (o.type = 'send' AND o.outcome = 'ok'))
        ) AS came
    FROM operations AS r
    -- A framework refuses by itself what it has no handler for.
    ASOF LEFT JOIN works AS w
        ON w.origin_trace = r.origin_trace AND w.origin_span = r.origin_span AND w.instance = r.instance AND w.started <= r.started
    -- A message without a context, as of a sender without instrumentation, has only its attempt around the refusal.
    LEFT JOIN (
        SELECT a.* FROM works AS a WHERE a.origin_span IS NULL
    ) AS n ON n.trace_id = r.trace_id AND n.span_id = r.parent_id
    WHERE r.type = 'settle' AND r.outcome = 'ok' AND r.dead_letter
)

SELECT
    d.system, d.service, d.instance, coalesce(s.destination, d.destination) AS destination, s.consumer_group,
    s.partition_id, s.message_offset, s.error, d.trace_id, d.span_id, s.trace_id AS other_trace_id,
    s.span_id AS other_span_id, d.started AS first_time, d.ended AS last_time, d.destination AS alike,
    CASE WHEN s.sent IS NULL THEN 'unknown-source' WHEN s.error IS NULL THEN 'handled' ELSE 'failed' END AS cause,
    -- A name alone is no death: it may be that of a command, or of a report, about dead letters. Nor is a copy of what was
    -- dead already.
    CASE WHEN d.aside = 'parking' AND s.error IS NULL THEN 'SUSPECT' WHEN s.sent IS NULL THEN 'LIKELY'
        WHEN
            s.error IS NULL
            AND (g.destination IS NOT NULL OR d.aside = 'grave' OR NOT coalesce(contains(lower(d.destination), lower(s.destination)), false))
            THEN 'LIKELY'
    END AS at_most,
    'set aside in ' || d.destination || coalesce(': ' || coalesce(s.error_text, s.error), '') AS detail
FROM dead AS d
LEFT JOIN source AS s ON s.sent = d.span_id AND s.sent_trace = d.trace_id
LEFT JOIN asides AS g ON g.destination = s.destination AND g.kind <> 'retry'
UNION ALL
-- The broker set it aside, and tells the consumer of the dead letter why.
SELECT
    system, service, instance, destination, consumer_group, partition_id, message_offset, error,
    origin_trace, origin_span, trace_id, span_id, started, ended, death_reason,
    'by-the-broker', CAST(NULL AS VARCHAR), 'the broker dead-lettered it ' || deaths || ' times; the last reason: ' || coalesce(death_reason, 'unknown')
FROM buried
WHERE place = 1
UNION ALL
-- The broker set it aside where nobody reads. Where somebody does, it is on its way there, as to be tried again.
SELECT
    r.system, r.service, r.instance, r.destination, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT), r.error,
    r.trace_id, r.span_id, r.origin_trace, r.origin_span, r.started, r.ended, CAST(NULL AS VARCHAR),
    'unread',
    -- Dead letters without a context that were read since may have been these.
    CASE WHEN v.last_time - r.ended >= z.grace AND NOT coalesce(r.origin_span IS NULL AND n.started > r.started, false) THEN 'LIKELY' ELSE 'SUSPECT' END,
    'refused for good in a queue with a dead-letter exchange, and nobody had it after that' || coalesce(': ' || coalesce(r.error_text, r.error), '')
FROM refused AS r
JOIN services AS v ON v.service = r.service
JOIN graces AS z ON z.destination = r.destination
LEFT JOIN nameless AS n ON n.system = r.system
WHERE NOT EXISTS (SELECT 1 FROM refused AS p WHERE p.destination = r.destination AND p.came)
