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
    -- Two ends of a ZeroMQ connection may name the host differently (`*`, `localhost`, an address), but not the port.
    SELECT s.destination
    FROM sent AS s
    JOIN (
        SELECT destination FROM operations WHERE system = 'zeromq' AND type IN ('receive', 'process')
        UNION
        SELECT destination FROM readings WHERE system = 'zeromq' AND name = 'messaging.process.duration'
    ) AS r ON regexp_extract(r.destination, '^tcp://.*:([0-9]+)$', 1) = regexp_extract(s.destination, '^tcp://.*:([0-9]+)$', 1)
    WHERE s.system = 'zeromq' AND s.destination LIKE 'tcp://%'
    UNION
    -- A queue may have another name than the destination of the sends; the messages join the two.
    SELECT s.destination
    FROM sends AS s
    JOIN operations AS o ON o.origin_span = s.origin_span AND o.origin_trace = s.origin_trace AND o.started >= s.started
    -- A service that forwards what it received is no reader of the first destination, unless the broker dead-lettered it.
    WHERE o.type IN ('receive', 'process') AND (o.deaths > 0 OR NOT s.linked)
)

SELECT
    e.system, e.service, e.instance, e.destination, e.trace_id, e.span_id, e.first_time, e.last_time, e.number AS weight,
    'no-reader' AS cause,
    -- Its sender may go on: it is the first message that has waited too long.
    v.last_time - e.first_time > z.grace AS g3,
    'nothing received from it' AS detail
FROM sent AS e
JOIN services AS v ON v.service = e.service
JOIN graces AS z ON z.destination = e.destination
WHERE e.destination NOT IN (SELECT destination FROM readers WHERE destination IS NOT NULL)
