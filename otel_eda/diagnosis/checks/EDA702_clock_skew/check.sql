-- gates: none
-- news: place
-- scope: all destinations
-- Ids that two sends share, as forked processes with one seed make them, tell of none of them when it was sent.
WITH reused AS (
    SELECT trace_id, span_id, min(service) AS service
    FROM sends
    GROUP BY trace_id, span_id
    HAVING min(started) < max(started) OR min(instance) < max(instance)
),

trip AS (
    SELECT
        w.system, w.service, w.instance, w.host, s.service AS sender, s.instance AS sender_instance,
        s.host AS sender_host, w.trace_id, w.span_id, s.trace_id AS sent_trace, s.span_id AS sent_span,
        s.started AS sent, w.started AS received, w.destination, w.started - s.started AS taken,
        w.ended - s.started AS done
    FROM works AS w
    JOIN sends AS s ON s.span_id = w.origin_span AND s.trace_id = w.origin_trace
    LEFT JOIN reused AS r ON r.trace_id = s.trace_id AND r.span_id = s.span_id
    WHERE r.span_id IS NULL
)

SELECT
    y.system, y.service, y.sender_instance AS instance, y.instance AS other_instance, y.sender_host AS host,
    y.host AS other_host, y.sent_trace AS trace_id, y.sent_span AS span_id, y.trace_id AS other_trace_id,
    y.span_id AS other_span_id, y.received AS first_time, y.sent AS last_time,
    y.sender || ' ' || coalesce(y.sender_host, '') AS alike, 'apart' AS cause,
    -- A span may begin with the poll that waited for the message, two messages may share a context, or a clock was set.
    CASE WHEN coalesce(p.early, 0) < 3 OR 2 * p.early < p.number OR u.service IS NOT NULL THEN 'LIKELY' END AS at_most,
    'the clock of ' || y.service || ' is at least ' || round(max(-y.taken) OVER pair / 1000000000.0, 3)
    || ' s behind that of ' || y.sender AS detail
FROM trip AS y
CROSS JOIN settings AS z
LEFT JOIN (
    SELECT service, host, sender, sender_host, count(*) AS number, count(CASE WHEN done < 0 THEN 1 END) AS early
    FROM trip
    GROUP BY service, host, sender, sender_host
) AS p
    ON p.service = y.service AND p.sender = y.sender AND p.host IS NOT DISTINCT FROM y.host
    AND p.sender_host IS NOT DISTINCT FROM y.sender_host
LEFT JOIN (SELECT DISTINCT service FROM reused) AS u ON u.service = y.sender
WHERE y.taken < -z.skew
WINDOW pair AS (PARTITION BY y.service, y.host, y.sender, y.sender_host)
