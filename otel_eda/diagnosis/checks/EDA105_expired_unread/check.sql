-- gates: none
SELECT
    system, service, instance, destination, consumer_group, message_id AS message, trace_id, span_id,
    origin_trace AS other_trace_id, origin_span AS other_span_id, started AS first_time, ended AS last_time,
    death_reason AS alike,
    CASE WHEN death_reason = 'expired' THEN 'time-to-live' ELSE 'queue-full' END AS cause,
    CASE
        WHEN death_reason = 'expired' THEN 'waited longer than it may, and was dead-lettered'
        ELSE 'its queue was full, and it was dead-lettered'
    END AS detail
FROM works
WHERE death_reason = 'expired' OR death_reason = 'maxlen'
