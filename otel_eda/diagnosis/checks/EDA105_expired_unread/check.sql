-- gates: none
WITH expired AS (
    SELECT * FROM works WHERE death_reason = 'expired' OR death_reason = 'maxlen'
),

-- How it came to where it was dead-lettered.
way AS (
    SELECT
        e.trace_id, e.span_id, s.destination AS queue, s.trace_id AS sent_trace, s.parent_id,
        row_number() OVER (PARTITION BY e.trace_id, e.span_id ORDER BY s.started DESC) AS place
    FROM expired AS e
    JOIN sends AS s ON s.origin_trace = e.origin_trace AND s.origin_span = e.origin_span AND s.started <= e.started
),

-- What is read by somebody; a queue that nobody ever reads may be there to let messages wait.
read AS (
    SELECT DISTINCT s.destination AS queue
    FROM sends AS s
    JOIN works AS w ON w.origin_trace = s.origin_trace AND w.origin_span = s.origin_span
    WHERE coalesce(w.deaths, 0) = 0 AND NOT s.linked
),

-- Back where it had been before, or where what sent it had been: that was to be tried again later.
retried AS (
    SELECT e.trace_id, e.span_id
    FROM expired AS e
    JOIN works AS w
        ON w.origin_trace = e.origin_trace AND w.origin_span = e.origin_span AND w.destination = e.destination
        AND w.started < e.started
    UNION
    SELECT e.trace_id, e.span_id
    FROM expired AS e
    JOIN way AS y ON y.trace_id = e.trace_id AND y.span_id = e.span_id AND y.place = 1
    JOIN works AS w ON w.trace_id = y.sent_trace AND w.span_id = y.parent_id AND w.destination = e.destination
)

SELECT
    e.system, e.service, e.instance, e.destination, e.consumer_group, e.message_id AS message, e.trace_id, e.span_id,
    e.origin_trace AS other_trace_id, e.origin_span AS other_span_id, e.started AS first_time, e.ended AS last_time,
    e.death_reason AS alike,
    CASE WHEN e.death_reason = 'expired' THEN 'time-to-live' ELSE 'queue-full' END AS cause,
    CASE WHEN e.death_reason = 'expired' AND r.queue IS NULL THEN 'LIKELY' END AS at_most,
    CASE
        WHEN e.death_reason = 'expired' THEN 'waited longer than it may, and was dead-lettered'
        ELSE 'its queue was full, and it was dead-lettered'
    END AS detail
FROM expired AS e
LEFT JOIN way AS y ON y.trace_id = e.trace_id AND y.span_id = e.span_id AND y.place = 1
LEFT JOIN read AS r ON r.queue = y.queue
WHERE NOT EXISTS (SELECT 1 FROM retried AS a WHERE a.trace_id = e.trace_id AND a.span_id = e.span_id)
