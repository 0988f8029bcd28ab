-- gates: none
-- news: place
-- scope: all destinations
WITH noted AS (
    SELECT
        service, instance, event_type, count(*) AS number, min(time) AS first_time, max(time) AS last_time,
        arg_min(trace_id, time) AS trace_id, arg_min(span_id, time) AS span_id
    FROM events
    WHERE name = 'eda.event.unhandled'
    GROUP BY service, instance, event_type
),

counted AS (
    SELECT service, instance, event_type, sum(value) AS number, min(started) AS first_time, max(time) AS last_time
    FROM readings
    WHERE name = 'eda.unhandled.events'
    GROUP BY service, instance, event_type
),

either AS (
    SELECT
        coalesce(c.service, n.service) AS service, coalesce(c.instance, n.instance) AS instance,
        coalesce(c.event_type, n.event_type) AS event_type,
        greatest(coalesce(c.number, 0), coalesce(n.number, 0)) AS number,
        coalesce(n.first_time, c.first_time) AS first_time, coalesce(n.last_time, c.last_time) AS last_time,
        n.trace_id, n.span_id
    FROM counted AS c
    FULL OUTER JOIN noted AS n
        ON n.service = c.service AND n.instance = c.instance AND n.event_type IS NOT DISTINCT FROM c.event_type
),

handled AS (
    SELECT DISTINCT service, event_type FROM operations WHERE type = 'handle'
),

-- The event with a handler whose name is nearest.
near AS (
    SELECT e.service, e.event_type, arg_min(h.event_type, levenshtein(e.event_type, h.event_type)) AS other
    FROM either AS e
    JOIN handled AS h ON h.service = e.service
    WHERE length(e.event_type) > 5 AND levenshtein(e.event_type, h.event_type) BETWEEN 1 AND 2
    GROUP BY e.service, e.event_type
)

SELECT
    e.service, e.instance, e.event_type AS destination, e.event_type AS alike, e.trace_id, e.span_id,
    e.first_time, e.last_time, cast(e.number AS BIGINT) AS weight,
    CASE WHEN h.event_type IS NOT NULL THEN 'gone' WHEN n.other IS NOT NULL THEN 'misspelt' ELSE 'never-registered' END
        AS cause,
    -- An optional event looks the same.
    CASE WHEN h.event_type IS NULL AND n.other IS NULL THEN 'SUSPECT' ELSE 'LIKELY' END AS at_most,
    'no handler ran for event ' || e.event_type || coalesce('; there is one for ' || n.other, '') AS detail
FROM either AS e
LEFT JOIN handled AS h ON h.service = e.service AND h.event_type = e.event_type
LEFT JOIN near AS n ON n.service = e.service AND n.event_type = e.event_type
WHERE
    e.number > 0
    -- A service that handles no event at all dispatches for others, as frameworks do that offer signals.
    AND EXISTS (SELECT 1 FROM handled AS a WHERE a.service = e.service)
