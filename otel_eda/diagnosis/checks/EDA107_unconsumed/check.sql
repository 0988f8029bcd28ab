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
),

-- Partitions that any member of any group has, or had anything of.
had AS (
    SELECT destination, partition_id
    FROM operations
    WHERE type IN ('receive', 'process', 'settle') AND partition_id IS NOT NULL
    UNION
    SELECT destination, partition_id FROM commits
    UNION
    SELECT destination, partition_id FROM events WHERE name IN ('eda.consumer.assigned', 'eda.consumer.position')
),

-- Sends to the partitions that nobody had, of topics with other ones that somebody read.
unread AS (
    SELECT s.*
    FROM sends AS s
    LEFT JOIN had AS h ON h.destination = s.destination AND h.partition_id = s.partition_id
    WHERE
        s.outcome = 'ok' AND s.message_offset >= 0 AND h.partition_id IS NULL
        AND s.destination IN (SELECT o.destination FROM had AS o WHERE o.destination IS NOT NULL)
),

-- Where a span does not say of which partitions its messages are, somebody may have had any.
vague AS (
    SELECT destination
    FROM operations
    WHERE
        type IN ('receive', 'process') AND (destination IS NULL OR destination IN (SELECT u.destination FROM unread AS u))
    GROUP BY destination, trace_id, span_id
    HAVING bool_or(partition_id IS NULL) OR max(batch) > count(*)
),

-- What a group had of the other partitions, by when it was sent.
meanwhile AS (
    SELECT s.destination, s.partition_id, s.message_offset, min(s.started) AS sent_at, min(w.started) AS read_at, max(w.service) AS reader
    FROM works AS w
    JOIN sends AS s
        ON s.destination = w.destination AND s.partition_id = w.partition_id AND s.message_offset = w.message_offset
    WHERE w.destination IN (SELECT u.destination FROM unread AS u)
    GROUP BY s.destination, s.partition_id, s.message_offset
),

-- Of the partitions that nobody had, what was sent since the topic was first read, and what was read of others since.
passed_by AS (
    SELECT
        u.system, u.service, u.destination, u.partition_id, u.number, u.first_time, u.last_time, u.instance, u.trace_id,
        u.span_id, max(m.reader) AS reader, count(*) AS others
    FROM (
        SELECT
            s.system, s.service, s.destination, s.partition_id, count(*) AS number, min(s.started) AS first_time,
            max(s.ended) AS last_time, arg_max(s.instance, s.started) AS instance,
            arg_max(s.trace_id, s.started) AS trace_id, arg_max(s.span_id, s.started) AS span_id
        FROM unread AS s
        JOIN (SELECT destination, min(read_at) AS read_at FROM meanwhile GROUP BY destination) AS b
            ON b.destination = s.destination AND s.started > b.read_at
        GROUP BY s.system, s.service, s.destination, s.partition_id
    ) AS u
    JOIN meanwhile AS m ON m.destination = u.destination AND m.sent_at > u.first_time
    GROUP BY
        u.system, u.service, u.destination, u.partition_id, u.number, u.first_time, u.last_time, u.instance, u.trace_id,
        u.span_id
)

SELECT
    e.system, e.service, e.instance, e.destination, CAST(NULL AS VARCHAR) AS partition_id, e.trace_id, e.span_id,
    e.first_time, e.last_time, e.number AS weight, 'no-reader' AS cause, CAST(NULL AS VARCHAR) AS at_most,
    -- Its sender may go on: it is the first message that has waited too long.
    v.last_time - e.first_time > z.grace AS g3,
    'nothing received from it' AS detail
FROM sent AS e
JOIN services AS v ON v.service = e.service
JOIN graces AS z ON z.destination = e.destination
WHERE e.destination NOT IN (SELECT destination FROM readers WHERE destination IS NOT NULL)
UNION ALL
SELECT
    p.system, p.service, p.instance, p.destination, p.partition_id, p.trace_id, p.span_id,
    p.first_time, p.last_time, p.number, 'partition-unread',
    -- Another topic of that name may have more partitions.
    CASE WHEN NOT coalesce(c.one, false) THEN 'SUSPECT' END,
    v.last_time - p.first_time > z.grace,
    'nothing received from partition ' || p.partition_id || ', while ' || p.others || ' later messages of others were'
FROM passed_by AS p
JOIN services AS v ON v.service = p.reader
JOIN graces AS z ON z.destination = p.destination
LEFT JOIN epochs AS c ON c.destination = p.destination
WHERE
    -- A client may be at the messages of one partition before it comes to another.
    p.others >= 20 AND p.destination NOT IN (SELECT g.destination FROM vague AS g WHERE g.destination IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM vague AS g WHERE g.destination IS NULL)
