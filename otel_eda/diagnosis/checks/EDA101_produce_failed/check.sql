-- gates: G1
-- news: message
WITH failed AS (
    SELECT
        *,
        CASE
            WHEN lower(error) LIKE '%toolarge%' OR lower(error) LIKE '%sizetoo%' OR lower(error_text) LIKE '%too large%' THEN 'size'
            WHEN lower(error) LIKE '%auth%' OR lower(error) LIKE '%ssl%' OR lower(error) LIKE '%access%refused%'
                OR lower(error) LIKE '%access%denied%' OR error_text LIKE '%ACCESS_REFUSED%'
                OR error_text LIKE '%NOT_ALLOWED%' OR lower(error_text) LIKE '%not authorized%' THEN 'authorization'
            WHEN lower(error) LIKE '%nonexistentqueue%' OR lower(error) LIKE '%queuedoesnotexist%' OR lower(error) LIKE '%notfound%' OR lower(error_text) LIKE '%not_found%' OR lower(error) LIKE '%unknowntopic%'
                OR lower(error) LIKE '%unknown_topic%'
                -- Clients that have one error for all tell which in its text.
                OR regexp_matches(lower(error_text), 'entity ?not ?found|topic or partition that does not exist|does not host this topic') THEN 'no-such-destination'
            WHEN lower(error) LIKE '%replica%' THEN 'replicas'
            -- A client that refuses a call may have waited for the broker before, and not for room.
            WHEN lower(error) LIKE '%timeout%' AND lower(error_text) LIKE '%metadata%' THEN 'timeout'
            WHEN refused OR lower(error) LIKE '%buffer%' OR lower(error) LIKE '%queuefull%' OR lower(error) LIKE '%queue_full%'
                OR lower(error_text) LIKE '%queue full%' OR lower(error_text) LIKE '%allocate memory%' THEN 'local-queue'
            WHEN lower(error) LIKE '%timeout%' OR lower(error) LIKE '%timedout%' OR lower(error) LIKE '%timed_out%'
                OR lower(error_text) LIKE '%timed out%' THEN 'timeout'
            WHEN lower(error) LIKE '%purge%' OR lower(error) LIKE '%transactionaborted%' THEN 'purged'
            -- The broker was there, and said why it closed the connection.
            WHEN regexp_matches(error_text, '\([45][0-9][0-9], ') THEN 'other'
            WHEN lower(error) LIKE '%connection%' OR lower(error) LIKE '%streamlost%' OR lower(error) LIKE '%disconnect%' OR lower(error) LIKE '%network%'
                OR lower(error) LIKE '%transport%' OR lower(error) LIKE '%nobroker%' OR lower(error) LIKE '%brokernot%'
                OR lower(error) LIKE '%all_brokers%' THEN 'connection'
            ELSE 'other'
        END AS cause
    FROM sends
    WHERE
        outcome = 'error'
        AND lower(error) NOT LIKE '%unroutable%'
        AND lower(error) NOT LIKE '%nack%'
        AND error <> 'eda.returned'
        AND NOT coalesce(regexp_matches(error_text, 'Basic\.(Return|Nack)\('), false)
        AND system IS DISTINCT FROM 'zeromq'
),

-- Later sends of the same service to the same destination that were taken: by the same process in the same work, by it at
-- all, and by any process with the same key, as that of another turn of an outbox.
taken AS (
    SELECT s.service, s.instance, s.destination, s.trace_id, s.parent_id, s.key_hash, max(s.started) AS started, count(*) AS number
    FROM sends AS s
    WHERE s.outcome = 'ok' AND (s.service, s.destination) IN (SELECT DISTINCT f.service, f.destination FROM failed AS f)
    GROUP BY s.service, s.instance, s.destination, s.trace_id, s.parent_id, s.key_hash
),

latest AS (
    SELECT instance, destination, max(started) AS started FROM taken GROUP BY instance, destination
),

-- Spans that lack only their times: attempts at a message that they name, and others.
untimed AS (
    SELECT DISTINCT CASE WHEN name = 'untimed process' THEN trace_id || span_id END AS whose
    FROM events WHERE starts_with(name, 'untimed ')
),

alike AS (
    SELECT service, destination, key_hash, max(started) AS started, sum(number) AS number
    FROM taken
    GROUP BY service, destination, key_hash
)

SELECT
    f.system, f.service, f.instance, f.destination, f.partition_id, f.error, f.trace_id, f.span_id,
    f.started AS first_time, f.ended AS last_time, f.cause, f.error AS alike,
    CASE
        -- The application threw away what it had not sent, as it does when it aborts a transaction.
        WHEN f.cause = 'purged' THEN 'SUSPECT'
        -- It was on its way to the broker, and only the answer may be missing.
        WHEN f.cause IN ('timeout', 'replicas') AND (
            lower(f.error) LIKE '%request%' OR lower(f.error_text) LIKE '%expiring%' OR lower(f.error) LIKE '%msg%timed%'
            OR lower(f.error) LIKE '%after%append%'
        ) THEN 'LIKELY'
        -- The broker has a message with that number already, so it took the message before.
        WHEN regexp_matches(lower(f.error), 'duplicate_?sequence') THEN 'LIKELY'
        WHEN i.span_id IS NOT NULL THEN 'LIKELY'
        -- A call that was refused at once is usually made again; its spans only show it where the contents are the same.
        WHEN (f.refused OR f.cause = 'local-queue') AND l.started > f.started THEN 'SUSPECT'
        -- The same work sent the like once more, or another turn of it did. What is too large will be so again, unless a
        -- reference was sent in its place, with a key that is no other message's.
        WHEN t.started > f.started OR (k.started > f.started AND (f.cause <> 'size' OR (k.number = 1 AND f.key_hash <> ''))) THEN 'LIKELY'
        -- An error that no broker gave may be of what came after the send.
        WHEN f.cause = 'other' AND NOT coalesce(regexp_matches(f.error, '(^|[.])(kafka|aiokafka|pika|aio_pika|amqp|aiormq)[.]|Kafka|^[A-Z]+(_[A-Z]+)+$'), false) THEN 'LIKELY'
    END AS at_most,
    -- Whether the message arrived after all, or was sent once more, only spans can show; some errors leave no doubt.
    CASE WHEN f.cause IN ('size', 'authorization', 'no-such-destination')
        OR (f.cause = 'replicas' AND lower(f.error) NOT LIKE '%after%append%')
        -- All spans are there, but for the times of some; and none of these is of this message.
        OR (q.known_until >= f.ended AND q.since <= f.started AND u.whose IS NULL AND n.number = 0) THEN true END AS g1,
    coalesce(f.error_text, f.error) AS detail
FROM failed AS f
LEFT JOIN resent AS i ON i.trace_id = f.trace_id AND i.span_id = f.span_id
LEFT JOIN latest AS l ON l.instance = f.instance AND l.destination = f.destination
LEFT JOIN taken AS t
    ON t.instance = f.instance AND t.destination = f.destination AND t.trace_id = f.trace_id
    AND t.parent_id = f.parent_id AND t.key_hash IS NOT DISTINCT FROM f.key_hash
LEFT JOIN complete AS q ON q.destination = f.destination
LEFT JOIN untimed AS u ON u.whose = f.origin_trace || f.origin_span
CROSS JOIN (SELECT count(*) AS number FROM untimed WHERE whose IS NULL) AS n
LEFT JOIN alike AS k ON k.service = f.service AND k.destination = f.destination AND k.key_hash IS NOT DISTINCT FROM f.key_hash
WHERE
    -- The application may have sent the message again with the same context, and the broker may have acknowledged that.
    NOT EXISTS (
        SELECT 1 FROM sends AS again
        WHERE again.origin_span = f.origin_span AND again.origin_trace = f.origin_trace AND again.outcome = 'ok'
    )
    AND NOT EXISTS (
        SELECT 1 FROM sends AS again
        WHERE again.repeats = f.span_id AND again.instance = f.instance AND again.destination = f.destination
    )
    -- Only the answer may have been lost.
    AND NOT EXISTS (
        SELECT 1 FROM works AS w WHERE w.origin_span = f.origin_span AND w.origin_trace = f.origin_trace
    )
