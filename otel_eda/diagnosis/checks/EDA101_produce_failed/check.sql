-- gates: none
-- news: message
SELECT
    system, service, instance, destination, partition_id, error, trace_id, span_id,
    started AS first_time, ended AS last_time,
    CASE
        WHEN lower(error) LIKE '%toolarge%' OR lower(error) LIKE '%sizetoo%' OR lower(error_text) LIKE '%too large%' THEN 'size'
        WHEN lower(error) LIKE '%auth%' OR lower(error) LIKE '%ssl%' THEN 'authorization'
        WHEN lower(error) LIKE '%replica%' THEN 'replicas'
        WHEN lower(error) LIKE '%buffer%' OR lower(error) LIKE '%queuefull%' OR lower(error_text) LIKE '%queue full%' THEN 'local-queue'
        WHEN lower(error) LIKE '%timeout%' OR lower(error) LIKE '%timedout%' OR lower(error_text) LIKE '%timed out%' THEN 'timeout'
        WHEN lower(error) LIKE '%connection%' OR lower(error) LIKE '%broker%' THEN 'connection'
        ELSE 'other'
    END AS cause,
    error AS alike,
    coalesce(error_text, error) AS detail
FROM sends AS s
WHERE
    outcome = 'error'
    AND lower(error) NOT LIKE '%unroutable%'
    AND lower(error) NOT LIKE '%nack%'
    AND error <> 'eda.returned'
    AND system IS DISTINCT FROM 'zeromq'
    -- The application may have sent the message again with the same context, and the broker may have acknowledged that.
    AND NOT EXISTS (
        SELECT 1 FROM sends AS again
        WHERE again.origin_span = s.origin_span AND again.origin_trace = s.origin_trace AND again.outcome = 'ok'
    )
