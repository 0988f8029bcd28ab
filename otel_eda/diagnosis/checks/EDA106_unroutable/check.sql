-- gates: G1 G2 G3
-- news: message
WITH refused AS (
    SELECT
        s.*,
        CASE
            WHEN s.error = 'eda.returned' OR lower(s.error) LIKE '%unroutable%' OR lower(s.error_text) LIKE '%basic.return(%' THEN 'no-binding'
            WHEN s.error = 'eda.nacked' OR lower(s.error) LIKE '%nack%' OR lower(s.error_text) LIKE '%basic.nack(%' THEN 'refused'
            WHEN s.system = 'zeromq' AND (s.refused OR lower(s.error) LIKE '%again%' OR lower(s.error_text) LIKE '%temporarily%')
                THEN 'high-water-mark'
            WHEN s.system = 'zeromq' THEN 'not-sent'
        END AS cause
    FROM sends AS s
    WHERE s.outcome = 'error'
),

-- The last send of each service to each destination that was taken, and its last in each trace, to whichever socket.
taken AS (
    SELECT s.service, s.destination, s.trace_id, max(s.started) AS started
    FROM sends AS s
    WHERE s.outcome = 'ok' AND s.service IN (SELECT DISTINCT f.service FROM refused AS f)
    GROUP BY GROUPING SETS ((s.service, s.destination), (s.service, s.trace_id))
),

-- The range of each sender's numbers that each receiver had. Those with a filter do not count, but links tell what came.
receiver AS (
    SELECT sender, instance, min(sequence) AS lowest, max(sequence) AS highest, false AS filters
    FROM works
    WHERE sender IS NOT NULL AND sequence IS NOT NULL
    GROUP BY sender, instance
    UNION ALL
    -- A filter that let all of the later messages through would have let the first ones through, too.
    SELECT s.sender, w.instance, min(s.sequence), max(s.sequence), true
    FROM works AS w
    JOIN sends AS s ON s.trace_id = w.origin_trace AND s.span_id = w.origin_span
    WHERE w.system = 'zeromq' AND w.sender IS NULL AND s.sender IS NOT NULL AND s.sequence IS NOT NULL
    GROUP BY s.sender, w.instance
    HAVING count(DISTINCT s.sequence) = max(s.sequence) - min(s.sequence) + 1 AND count(DISTINCT s.sequence) >= 20
),

-- The range of each sender's numbers that arrived, and in it the numbers that did not.
sender AS (
    SELECT
        sender, min(lowest) AS lowest, max(highest) AS highest, min(highest) AS first_end, count(*) AS receivers,
        bool_or(filters) AS filters
    FROM receiver
    GROUP BY sender
),

gap AS (
    SELECT s.*, n.lowest, n.highest, n.first_end, n.receivers
    FROM sends AS s
    JOIN sender AS n ON n.sender = s.sender
    WHERE
        s.outcome = 'ok'
        AND NOT EXISTS (SELECT 1 FROM works AS w WHERE w.sender = s.sender AND w.sequence = s.sequence)
        AND NOT EXISTS (SELECT 1 FROM works AS w WHERE w.origin_trace = s.trace_id AND w.origin_span = s.span_id)
        AND (NOT n.filters OR s.sequence < n.lowest)
)

SELECT
    r.system, r.service, r.instance, r.destination, r.error, r.trace_id, r.span_id,
    r.started AS first_time, r.ended AS last_time, r.cause,
    -- What a socket did not take at once is usually sent again, in the trace of what it was sent for. In another trace it
    -- seldom is.
    CASE
        WHEN i.same THEN 'SUSPECT'
        WHEN i.span_id IS NOT NULL THEN 'LIKELY'
        WHEN NOT coalesce(t.started > r.started OR (r.system = 'zeromq' AND a.started > r.started), false) THEN NULL
        WHEN r.system = 'zeromq' AND (r.parent_id IS NULL OR a.started > r.started) THEN 'SUSPECT'
        ELSE 'LIKELY'
    END AS at_most,
    CAST(NULL AS VARCHAR) AS message, 1 AS weight,
    -- Only spans show whether what was refused was sent once more.
    CASE WHEN r.cause = 'no-binding' THEN true END AS g1, true AS g2, true AS g3,
    coalesce(r.error_text, r.error) AS detail
FROM refused AS r
LEFT JOIN taken AS t ON t.service = r.service AND t.destination = r.destination AND t.trace_id IS NULL
LEFT JOIN resent AS i ON i.trace_id = r.trace_id AND i.span_id = r.span_id
LEFT JOIN taken AS a ON a.service = r.service AND a.destination IS NULL AND a.trace_id = r.trace_id
WHERE
    r.cause IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM sends AS again
        WHERE again.origin_span = r.origin_span AND again.origin_trace = r.origin_trace AND again.outcome = 'ok'
    )
    AND NOT EXISTS (
        SELECT 1 FROM sends AS again
        WHERE again.repeats = r.span_id AND again.instance = r.instance AND again.destination = r.destination
    )
    AND NOT EXISTS (
        SELECT 1 FROM works AS w WHERE w.origin_span = r.origin_span AND w.origin_trace = r.origin_trace
    )
UNION ALL
SELECT
    system, service, instance, destination, CAST(NULL AS VARCHAR), trace_id, span_id, started, ended,
    CASE
        WHEN sequence < lowest THEN 'slow-joiner'
        -- One of several receivers had earlier numbers, and none from then on.
        WHEN receivers > 1 AND first_end < highest AND lowest < sequence THEN 'receiver-gone'
        ELSE 'high-water-mark'
    END,
    -- A subscriber's filter also drops messages.
    'LIKELY', sender || '#' || sequence, 1,
    CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN),
    'number ' || sequence || ' of its sender never arrived; the numbers that did are ' || lowest || ' to ' || highest
FROM gap
