-- gates: none
-- news: message
SELECT
    s.system, s.service, s.instance, s.destination, s.partition_id, s.error, s.trace_id, s.span_id,
    s.started AS first_time, s.ended AS last_time,
    CASE
        WHEN s.error_text LIKE 'nobody waits%' THEN 'given-up'
        WHEN s.ended < v.last_time THEN 'not-flushed'
        ELSE 'ended'
    END AS cause,
    CASE
        WHEN s.error_text LIKE 'nobody waits%' THEN 'the application stopped waiting before the broker answered'
        ELSE 'the producer was closed, or its process ended, before the broker answered'
    END AS detail,
    CASE WHEN r.span_id IS NOT NULL THEN 'LIKELY' END AS at_most, 1 AS weight
FROM sends AS s
JOIN services AS v ON v.service = s.service
LEFT JOIN resent AS r ON r.trace_id = s.trace_id AND r.span_id = s.span_id
WHERE
    s.outcome = 'unresolved'
    AND NOT EXISTS (
        SELECT 1 FROM works AS w WHERE w.origin_span = s.origin_span AND w.origin_trace = s.origin_trace
    )
    -- It was sent once more, and taken.
    AND NOT EXISTS (
        SELECT 1 FROM sends AS again
        WHERE again.origin_span = s.origin_span AND again.origin_trace = s.origin_trace AND again.outcome = 'ok'
    )
UNION ALL
-- A process that vanished had sends in flight when it last measured them.
SELECT
    r.system, r.service, r.instance, r.destination, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR), r.time, r.time, 'ended',
    cast(r.value AS BIGINT) || ' sends were in flight when the last was heard of the process', 'SUSPECT', cast(r.value AS BIGINT)
FROM readings AS r
CROSS JOIN settings AS z
LEFT JOIN processes AS i ON i.instance = r.instance -- none of its spans may have come out
WHERE
    r.name = 'eda.producer.in_flight' AND r.value > 0
    -- A later reading that does not measure them is of a process whose producer was closed. All of one collection take a moment.
    AND NOT EXISTS (SELECT 1 FROM readings AS l WHERE l.instance = r.instance AND l.time > r.time + 100000000)
    AND greatest(r.time, coalesce(i.last_time, r.time)) + z.grace < (SELECT max(p.last_time) FROM processes AS p)
