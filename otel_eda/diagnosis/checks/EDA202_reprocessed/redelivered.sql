-- Without offsets and groups: what a service was done with and had once more, where it has nearly all messages once.
WITH counted AS (
    SELECT
        w.system, w.service, w.destination, w.message, count(*) AS attempts, max(w.origin_trace) AS origin_trace,
        max(w.origin_span) AS origin_span
    FROM works AS w
    WHERE
        w.message_offset IS NULL AND w.consumer_group IS NULL AND w.origin_span IS NOT NULL AND w.system NOT IN ('kafka', 'zeromq')
    GROUP BY w.system, w.service, w.destination, w.message
),

-- Of a broadcast each process has each message, and where two layers are instrumented there are two spans of each.
once AS (
    SELECT system, service, destination
    FROM counted
    GROUP BY system, service, destination
    HAVING sum(CASE WHEN attempts > 1 THEN 10 ELSE 0 END) <= count(*)
),

copied AS (
    SELECT c.*, s.created
    FROM counted AS c
    JOIN once AS o ON o.system = c.system AND o.service = c.service AND o.destination IS NOT DISTINCT FROM c.destination
    -- A context that no send made may be that of several messages.
    JOIN (
        SELECT trace_id, span_id, max(CASE WHEN type = 'create' THEN 1 ELSE 0 END) AS created
        FROM operations
        WHERE type IN ('send', 'create')
        GROUP BY trace_id, span_id
    ) AS s ON s.trace_id = c.origin_trace AND s.span_id = c.origin_span
    WHERE c.attempts > 1
),

-- What somebody sent once more is a message of its own. What has a creation of its own is sent by a span with a link to it.
resent AS (
    SELECT c.origin_trace, c.origin_span
    FROM copied AS c
    JOIN sends AS s ON s.origin_trace = c.origin_trace AND s.origin_span = c.origin_span
    WHERE s.linked
    GROUP BY c.origin_trace, c.origin_span
    HAVING count(DISTINCT s.span_id) > max(c.created)
),

again AS (
    SELECT
        w.*,
        c.created,
        lag(w.instance) OVER copies AS previous_instance,
        lag(w.host) OVER copies AS previous_host,
        lag(w.trace_id) OVER copies AS previous_trace,
        lag(w.span_id) OVER copies AS previous_span,
        lag(w.outcome) OVER copies AS previous_outcome,
        lag(w.started) OVER copies AS previous_started,
        lag(w.redelivered) OVER copies AS previous_redelivered,
        lag(w.ended) OVER copies AS previous_ended
    FROM works AS w
    JOIN copied AS c
        ON c.system = w.system AND c.service = w.service AND c.destination IS NOT DISTINCT FROM w.destination AND c.message = w.message
    WHERE w.message_offset IS NULL AND w.consumer_group IS NULL
    WINDOW copies AS (PARTITION BY w.system, w.service, w.destination, w.message ORDER BY w.started, w.span_id)
)

SELECT
    a.system, a.service, a.previous_instance AS instance, a.instance AS other_instance, a.previous_host AS host, a.host AS other_host,
    a.destination, a.message, a.previous_trace AS trace_id, a.previous_span AS span_id, a.trace_id AS other_trace_id,
    a.span_id AS other_span_id, a.previous_ended AS first_time, a.ended AS last_time, 1 AS weight, 'not-acked' AS cause,
    -- The broker itself says that it delivered the message before, while that one was still at it.
    CASE
        WHEN a.system = 'rabbitmq' AND a.redelivered AND a.previous_ended > a.started AND NOT coalesce(a.previous_redelivered, false) THEN 'LIKELY'
        ELSE 'SUSPECT'
    END AS at_most,
    CASE
        WHEN a.previous_ended <= a.started THEN 'processed again ' || round((a.started - a.previous_ended) / 1000000000.0, 3) || ' s after it was done'
        ELSE 'processed once more ' || round((a.started - a.previous_started) / 1000000000.0, 3) || ' s after the first process began, which did it, too'
    END AS detail
FROM again AS a
WHERE
    a.previous_outcome = 'ok' AND a.outcome = 'ok' AND a.parent_id IS DISTINCT FROM a.previous_span
    -- One after the other, the attempts of queues are compared where all attempts are, but for messages with a creation.
    AND CASE WHEN a.previous_ended <= a.started THEN a.replica IS NOT NULL OR a.created = 1 ELSE a.instance <> a.previous_instance END
    AND NOT EXISTS (
        SELECT 1 FROM resent AS r WHERE r.origin_trace = a.origin_trace AND r.origin_span = a.origin_span
    )
