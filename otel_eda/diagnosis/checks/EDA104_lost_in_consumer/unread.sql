-- Without offsets: the queues that somebody reads, with the last message that was processed and the reader's last sign.
WITH queue AS (
    SELECT
        s.destination, max(w.service) AS service, max(w.destination) AS source, CAST(0 AS BIGINT) AS first_read,
        max(s.started) AS last_read, max(v.last_time) AS last_time
    FROM sends AS s
    JOIN works AS w ON w.origin_trace = s.origin_trace AND w.origin_span = s.origin_span
    JOIN services AS v ON v.service = w.service
    WHERE s.message_offset IS NULL AND (s.system = 'rabbitmq' OR (w.consumer_group IS NULL AND w.replica IS NULL))
    GROUP BY s.destination
),

-- Elsewhere each reader may have copies of its own, or filter: what each service had, and from when to when that was sent.
had AS (
    SELECT
        s.destination, w.service, count(DISTINCT s.span_id) AS number, min(s.started) AS first_read, max(s.started) AS last_read
    FROM sends AS s
    JOIN works AS w ON w.origin_trace = s.origin_trace AND w.origin_span = s.origin_span
    WHERE
        s.outcome = 'ok' AND s.message_offset IS NULL AND s.system NOT IN ('rabbitmq', 'kafka', 'zeromq')
        AND (w.consumer_group IS NOT NULL OR w.replica IS NOT NULL)
    GROUP BY s.destination, w.service
),

-- A service that has nearly all of them would have had the others, too.
steady AS (
    SELECT h.destination, h.service, h.first_read, h.last_read
    FROM had AS h
    JOIN sends AS s ON s.destination = h.destination AND s.started BETWEEN h.first_read AND h.last_read
    WHERE s.outcome = 'ok' AND s.message_offset IS NULL
    GROUP BY h.destination, h.service, h.first_read, h.last_read, h.number
    HAVING 10 * h.number >= 9 * count(DISTINCT s.span_id)
),

read AS (
    SELECT destination, service, first_read, last_read, last_time FROM queue
    UNION ALL
    -- A service that has no more of them may have ended its subscription.
    SELECT destination, max(service), min(first_read), max(last_read), CAST(0 AS BIGINT) FROM steady GROUP BY destination
),

unread AS (
    SELECT s.*, q.service AS reader
    FROM sends AS s
    JOIN read AS q ON q.destination = s.destination
    JOIN graces AS z ON z.destination = s.destination
    WHERE
        s.outcome = 'ok' AND s.message_offset IS NULL AND s.started >= q.first_read
        -- A link leads to a message that is sent once more, unless it is to the creation of this one.
        AND (NOT s.linked OR s.origin_span IN (SELECT c.span_id FROM operations AS c WHERE c.type = 'create'))
        AND (s.started < q.last_read OR q.last_time - s.ended > z.grace)
        AND NOT EXISTS (
            SELECT 1 FROM operations AS o
            WHERE
                o.origin_trace = s.origin_trace AND o.origin_span = s.origin_span
                AND (o.type IN ('receive', 'process', 'settle') OR (o.type = 'send' AND o.linked AND o.span_id <> s.span_id))
        )
),

-- What each queue and each subscription had.
got AS (
    SELECT concat_ws('/', destination, consumer_group) AS queue, max(service) AS service, origin_trace, origin_span
    FROM operations
    WHERE
        type IN ('receive', 'process', 'settle') AND origin_span IS NOT NULL AND destination IS NOT NULL
        AND concat_ws('/', destination, consumer_group) IN (SELECT queue FROM fanned UNION SELECT other FROM fanned)
    GROUP BY concat_ws('/', destination, consumer_group), origin_trace, origin_span
),

period AS (
    SELECT g.queue, max(g.service) AS service, min(s.started) AS first_read, max(s.started) AS last_read
    FROM got AS g
    JOIN sends AS s ON s.origin_trace = g.origin_trace AND s.origin_span = g.origin_span
    GROUP BY g.queue
),

-- What one of two queues with the same messages had, and the other one did not get, though it had nearly all of the others.
uneven AS (
    SELECT DISTINCT
        s.system, p.service, s.instance, s.destination, s.trace_id, s.span_id, s.started, s.ended, s.origin_trace, s.origin_span, p.queue
    FROM got AS g
    JOIN fanned AS f ON f.queue = g.queue
    JOIN period AS p ON p.queue = f.other
    JOIN sends AS s ON s.origin_trace = g.origin_trace AND s.origin_span = g.origin_span
    LEFT JOIN got AS o ON o.queue = f.other AND o.origin_trace = g.origin_trace AND o.origin_span = g.origin_span
    WHERE
        o.queue IS NULL AND s.outcome = 'ok' AND s.message_offset IS NULL AND NOT s.linked
        AND s.started BETWEEN p.first_read AND p.last_read
)

SELECT
    system, reader AS service, instance, destination, trace_id, span_id, started AS first_time, ended AS last_time,
    origin_trace || '-' || origin_span AS message, 'never-delivered' AS cause, 'SUSPECT' AS at_most,
    true AS g4, true AS g6, true AS g7, true AS g8, true AS g9,
    'the broker took it, and nobody had it, though others of its queue were processed' AS detail
FROM unread
UNION ALL
SELECT
    system, service, instance, destination, trace_id, span_id, started, ended,
    origin_trace || '-' || origin_span || '-' || queue, 'never-delivered', 'SUSPECT', true, true, true, true, true,
    'nobody had it of ' || queue || ', which had nine in ten of what others of its kind had'
FROM uneven
