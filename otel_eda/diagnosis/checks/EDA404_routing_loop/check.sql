-- gates: none
-- news: message
-- scope: all destinations
WITH RECURSIVE busy AS (
    SELECT trace_id
    FROM sends
    CROSS JOIN settings AS z
    WHERE destination IS NOT NULL
    GROUP BY trace_id, service, destination, z.loop
    HAVING count(DISTINCT parent_id) > coalesce(z.loop, 3)
),

span AS (
    SELECT DISTINCT trace_id, span_id, parent_id, service, destination, type, outcome, started, ended, system, instance
    FROM operations
    WHERE trace_id IN (SELECT trace_id FROM busy)
),

-- From each send up through the spans that caused it. What a service sends again since its own attempt failed is a retry, and
-- no turn: its library knows how often, and what never succeeds is a poison message.
path AS (
    SELECT
        trace_id, span_id, service, destination, system, instance, started, ended,
        parent_id AS above, 1 AS times, 1 AS depth, false AS failed
    FROM span
    WHERE type = 'send'
    UNION ALL
    SELECT
        w.trace_id, w.span_id, w.service, w.destination, w.system, w.instance, w.started, w.ended,
        s.parent_id AS above,
        w.times + CASE
            WHEN s.type = 'send' AND s.service = w.service AND s.destination = w.destination AND NOT w.failed THEN 1 ELSE 0
        END,
        w.depth + 1,
        CASE
            WHEN s.type = 'send' AND s.service = w.service AND s.destination = w.destination THEN false
            ELSE w.failed OR (s.type = 'process' AND s.service = w.service AND coalesce(s.outcome <> 'ok', false))
        END
    FROM path AS w
    JOIN span AS s ON s.trace_id = w.trace_id AND s.span_id = w.above
    WHERE w.depth < 200
),

longest AS (
    SELECT
        trace_id, service, destination, max(times) AS times, max(system) AS system,
        arg_min(instance, started) AS instance, arg_min(span_id, started) AS span_id, min(started) AS first_time, max(ended) AS last_time
    FROM path
    GROUP BY trace_id, service, destination
),

-- Who copies a message with its headers sends the context of its creation, too: the copies have the first one's identity, and
-- no span shows which of them comes of which. Each attempt that sends one to where it comes from is a turn. It is not the
-- same delivery that failed and came again.
kept AS (
    SELECT
        s.system, s.service, s.destination, s.origin_trace, s.origin_span, count(DISTINCT w.span_id) AS times,
        arg_min(s.instance, s.started) AS instance, arg_min(s.trace_id, s.started) AS trace_id,
        arg_min(s.span_id, s.started) AS span_id, min(s.started) AS first_time, max(s.ended) AS last_time
    FROM sends AS s
    JOIN works AS w ON w.origin_trace = s.origin_trace AND w.origin_span = s.origin_span AND w.instance = s.instance
    JOIN sends AS f ON f.trace_id = s.origin_trace AND f.span_id = s.origin_span
    WHERE
        s.linked AND s.outcome = 'ok' AND s.started >= w.started AND s.started <= w.ended
        AND NOT coalesce(w.redelivered, false)
        AND (w.destination = s.destination OR starts_with(w.destination, s.destination || ':'))
    GROUP BY s.system, s.service, s.destination, s.origin_trace, s.origin_span
)

SELECT
    l.system, l.service, l.instance, l.destination, l.trace_id, l.span_id, l.first_time, l.last_time,
    l.trace_id AS message, 'goes-round' AS cause,
    -- The steps of a saga, the pages of a list, a clock's ticks and retries look the same: only a person knows how many there
    -- should be at most.
    CASE WHEN z.loop IS NULL THEN 'LIKELY' END AS at_most,
    'one event came back ' || (l.times - 1) || ' times to be sent there again' AS detail
FROM longest AS l
CROSS JOIN settings AS z
WHERE l.times > coalesce(z.loop, 3)
UNION ALL
SELECT
    k.system, k.service, k.instance, k.destination, k.trace_id, k.span_id, k.first_time, k.last_time,
    k.origin_trace || '-' || k.origin_span, 'goes-round', 'LIKELY', 'one event was sent back ' || k.times || ' times to where it came from'
FROM kept AS k
CROSS JOIN settings AS z
WHERE k.times > coalesce(z.loop, 3)
