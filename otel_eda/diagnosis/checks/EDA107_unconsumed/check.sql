-- gates: G1 G2 G3 G9
-- news: place
WITH sent AS (
    SELECT
        system, service, destination, count(*) AS number, min(started) AS first_time, max(ended) AS last_time,
        arg_max(instance, started) AS instance, arg_max(trace_id, started) AS trace_id,
        arg_max(span_id, started) AS span_id
    FROM sends
    WHERE outcome = 'ok' AND destination IS NOT NULL
    GROUP BY system, service, destination
),

readers AS (
    SELECT destination FROM operations WHERE type IN ('receive', 'process', 'settle') AND destination IS NOT NULL
    UNION
    SELECT destination FROM readings WHERE name IN ('messaging.client.consumed.messages', 'messaging.process.duration')
    UNION
    -- A queue may be called otherwise than what was sent to: the messages themselves tell.
    SELECT s.destination
    FROM sends AS s
    JOIN operations AS o ON o.origin_span = s.origin_span AND o.origin_trace = s.origin_trace AND o.started >= s.started
    -- Who sends on what he has received is no reader; one whom the broker gives what it has dead-lettered is.
    WHERE o.type IN ('receive', 'process') AND (o.deaths > 0 OR NOT s.linked)
)

SELECT
    system, service, instance, destination, trace_id, span_id, first_time, last_time, number AS weight,
    'no-reader' AS cause,
    'nothing received from it' AS detail
FROM sent
WHERE destination NOT IN (SELECT destination FROM readers WHERE destination IS NOT NULL)
