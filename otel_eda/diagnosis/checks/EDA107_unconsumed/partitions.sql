-- Partitions that any member of any group has, or had anything of.
WITH had AS (
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
    SELECT o.destination
    FROM operations AS o
    LEFT JOIN (SELECT DISTINCT destination FROM unread) AS u ON u.destination = o.destination
    WHERE o.type IN ('receive', 'process') AND (o.destination IS NULL OR u.destination IS NOT NULL)
    GROUP BY o.destination, o.trace_id, o.span_id
    HAVING bool_or(o.partition_id IS NULL) OR max(o.batch) > count(*)
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
    p.system, p.service, p.instance, p.destination, p.partition_id, p.trace_id, p.span_id,
    p.first_time, p.last_time, p.number AS weight, 'partition-unread' AS cause,
    -- Another topic of that name may have more partitions.
    CASE WHEN NOT coalesce(c.one, false) THEN 'SUSPECT' END AS at_most,
    v.last_time - p.first_time > z.grace AS g3,
    'nothing received from partition ' || p.partition_id || ', while ' || p.others || ' later messages of others were' AS detail
FROM passed_by AS p
JOIN services AS v ON v.service = p.reader
JOIN graces AS z ON z.destination = p.destination
LEFT JOIN epochs AS c ON c.destination = p.destination
LEFT JOIN (SELECT DISTINCT destination FROM vague) AS g ON g.destination = p.destination
CROSS JOIN (SELECT count(*) AS number FROM vague WHERE destination IS NULL) AS n
WHERE
    -- A client may be at the messages of one partition before it comes to another.
    p.others >= 20 AND g.destination IS NULL AND n.number = 0
