-- Without offsets: the queues that somebody reads, with the last message that was processed and the reader's last sign.
WITH queue AS (
    SELECT
        s.destination, max(w.service) AS service, max(w.destination) AS source, max(s.started) AS last_read,
        max(v.last_time) AS last_time
    FROM sends AS s
    JOIN works AS w ON w.origin_trace = s.origin_trace AND w.origin_span = s.origin_span
    JOIN services AS v ON v.service = w.service
    WHERE s.message_offset IS NULL AND (s.system = 'rabbitmq' OR (w.consumer_group IS NULL AND w.replica IS NULL))
    GROUP BY s.destination
),

unread AS (
    SELECT s.*, q.service AS reader
    FROM sends AS s
    JOIN queue AS q ON q.destination = s.destination
    JOIN graces AS z ON z.destination = s.destination
    WHERE
        s.outcome = 'ok' AND s.message_offset IS NULL
        -- A link leads to a message that is sent once more, unless it is to the creation of this one.
        AND (NOT s.linked OR s.origin_span IN (SELECT c.span_id FROM operations AS c WHERE c.type = 'create'))
        AND (s.started < q.last_read OR q.last_time - s.ended > z.grace)
        AND NOT EXISTS (
            SELECT 1 FROM operations AS o
            WHERE
                o.origin_trace = s.origin_trace AND o.origin_span = s.origin_span
                AND (o.type IN ('receive', 'process', 'settle') OR (o.type = 'send' AND o.linked AND o.span_id <> s.span_id))
        )
)

SELECT
    system, reader AS service, instance, destination, trace_id, span_id, started AS first_time, ended AS last_time,
    origin_trace || '-' || origin_span AS message, 'never-delivered' AS cause, 'SUSPECT' AS at_most,
    true AS g4, true AS g6, true AS g7, true AS g8, true AS g9,
    'the broker took it, and nobody had it, though others of its queue were processed' AS detail
FROM unread
