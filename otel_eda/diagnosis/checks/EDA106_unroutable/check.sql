-- gates: G1 G2 G3
-- news: message
WITH refused AS (
    SELECT
        *,
        CASE
            WHEN error = 'eda.returned' OR lower(error) LIKE '%unroutable%' THEN 'no-binding'
            WHEN error = 'eda.nacked' OR lower(error) LIKE '%nack%' THEN 'refused'
            WHEN system = 'zeromq' THEN 'high-water-mark'
        END AS cause
    FROM sends
    WHERE outcome = 'error'
),

-- The range of each sender's numbers that arrived, and in it the numbers that did not.
sender AS (
    SELECT sender, min(sequence) AS lowest, max(sequence) AS highest, max(started) AS last_time
    FROM works
    WHERE sender IS NOT NULL AND sequence IS NOT NULL
    GROUP BY sender
),

gap AS (
    SELECT s.*, n.lowest, n.highest
    FROM sends AS s
    JOIN sender AS n ON n.sender = s.sender
    WHERE
        s.outcome = 'ok'
        AND NOT EXISTS (SELECT 1 FROM works AS w WHERE w.sender = s.sender AND w.sequence = s.sequence)
)

SELECT
    system, service, instance, destination, error, trace_id, span_id, started AS first_time, ended AS last_time, cause,
    CAST(NULL AS VARCHAR) AS at_most, CAST(NULL AS VARCHAR) AS message, 1 AS weight,
    true AS g1, true AS g2, true AS g3,
    coalesce(error_text, error) AS detail
FROM refused
WHERE cause IS NOT NULL
UNION ALL
SELECT
    system, service, instance, destination, CAST(NULL AS VARCHAR), trace_id, span_id, started, ended,
    CASE WHEN sequence < lowest THEN 'slow-joiner' ELSE 'high-water-mark' END,
    -- A subscriber's filter also drops messages.
    'LIKELY', sender || '#' || sequence, 1,
    CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN),
    'number ' || sequence || ' of its sender never arrived; the numbers that did are ' || lowest || ' to ' || highest
FROM gap
