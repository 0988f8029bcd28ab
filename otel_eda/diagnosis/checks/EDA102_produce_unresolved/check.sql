-- gates: none
-- news: message
SELECT
    s.system, s.service, s.instance, s.destination, s.partition_id, s.error, s.trace_id, s.span_id,
    s.started AS first_time, s.ended AS last_time,
    CASE WHEN s.ended < v.last_time THEN 'not-flushed' ELSE 'ended' END AS cause,
    'the producer was closed, or its process ended, before the broker answered' AS detail
FROM sends AS s
JOIN services AS v ON v.service = s.service
WHERE
    s.outcome = 'unresolved'
    AND NOT EXISTS (
        SELECT 1 FROM works AS w WHERE w.origin_span = s.origin_span AND w.origin_trace = s.origin_trace
    )
