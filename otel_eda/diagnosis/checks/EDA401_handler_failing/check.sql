-- gates: G1
-- news: place
-- Without a place, a context and an id, nobody knows which message it is that comes again.
WITH attempt AS (
    SELECT
        system, service, instance, destination, consumer_group, message, outcome, error, error_text, trace_id, span_id,
        started, ended, message = span_id AS nameless, coalesce(redelivered OR deliveries > 0 OR deaths > 0, false) AS again
    FROM works
),

work AS (
    SELECT
        system, service, instance, destination, consumer_group, CASE WHEN nameless AND again THEN 'again' ELSE message END AS message,
        outcome, error, error_text, trace_id, span_id, started, ended, nameless, again
    FROM attempt
    UNION ALL
    -- Handlers of events inside the process; where the message that they work on fails with them, that is said above.
    SELECT
        h.system, h.service, h.instance, h.event_type, CAST(NULL AS VARCHAR), h.span_id, h.outcome, h.error, h.error_text,
        h.trace_id, h.span_id, h.started, h.ended, false, false
    FROM operations AS h
    LEFT JOIN (
        SELECT trace_id, span_id FROM works WHERE outcome = 'error'
    ) AS w ON w.trace_id = h.trace_id AND w.span_id = h.parent_id
    WHERE h.type = 'handle' AND w.span_id IS NULL
),

total AS (
    SELECT
        system, service, destination, consumer_group, count(DISTINCT message) AS messages,
        count(DISTINCT CASE WHEN outcome = 'error' THEN message END) AS failing, count(*) AS attempts,
        count(CASE WHEN outcome = 'error' THEN 1 END) AS failed,
        count(CASE WHEN outcome = 'error' AND nameless AND again THEN 1 END) AS failed_again
    FROM work
    GROUP BY system, service, destination, consumer_group
),

-- A call that is given a batch fails for all of its messages, be it for one of them: that is one failure.
calls AS (
    SELECT system, service, destination, consumer_group, count(DISTINCT first_message) AS failing
    FROM (
        SELECT system, service, destination, consumer_group, min(message) AS first_message
        FROM work
        WHERE outcome = 'error'
        GROUP BY system, service, destination, consumer_group, trace_id, span_id
    ) AS f
    GROUP BY system, service, destination, consumer_group
),

-- Where more messages fail than is normal, as far as messages can be told apart.
failing AS (
    SELECT t.*, b.failing >= 3 AND t.messages >= 10 AND t.failing > z.error_share * t.messages AS told_apart
    FROM total AS t
    JOIN calls AS b
        ON b.system IS NOT DISTINCT FROM t.system AND b.service = t.service AND b.destination IS NOT DISTINCT FROM t.destination
        AND b.consumer_group IS NOT DISTINCT FROM t.consumer_group
    CROSS JOIN settings AS z
    WHERE
        (b.failing >= 3 AND t.messages >= 10 AND t.failing > z.error_share * t.messages)
        OR (t.failed_again >= 3 AND t.attempts >= 10 AND t.failed > z.error_share * t.attempts)
),

-- What metrics count, sampled or not.
measured AS (
    SELECT
        service, coalesce(destination, event_type) AS destination, consumer_group, sum(number) AS attempts,
        sum(CASE WHEN error IS NOT NULL THEN number ELSE 0 END) AS failing
    FROM readings
    WHERE name IN ('messaging.process.duration', 'eda.handler.duration')
    GROUP BY service, coalesce(destination, event_type), consumer_group
),

-- Messages that failed, and were done at another attempt.
passed AS (
    SELECT DISTINCT system, service, destination, consumer_group, message
    FROM work
    WHERE outcome = 'ok' AND message IN (SELECT f.message FROM work AS f WHERE f.outcome = 'error')
    UNION
    -- Any of those that came again may have been this one.
    SELECT DISTINCT f.system, f.service, f.destination, f.consumer_group, f.message
    FROM work AS f
    JOIN (
        SELECT system, service, destination, consumer_group, max(ended) AS ended
        FROM work
        WHERE nameless AND again AND outcome = 'ok'
        GROUP BY system, service, destination, consumer_group
    ) AS a
        ON a.system IS NOT DISTINCT FROM f.system AND a.service = f.service AND a.destination IS NOT DISTINCT FROM f.destination
        AND a.consumer_group IS NOT DISTINCT FROM f.consumer_group
    WHERE f.nameless AND f.outcome = 'error' AND a.ended > f.ended
    UNION
    -- Copies, by their ids, of what it was done with: who knows that may refuse them by an exception.
    SELECT DISTINCT f.system, f.service, f.destination, f.consumer_group, f.message
    FROM works AS f
    JOIN works AS w
        ON w.message_id = f.message_id AND w.service = f.service AND w.destination = f.destination
        AND w.consumer_group IS NOT DISTINCT FROM f.consumer_group
    WHERE f.outcome = 'error' AND w.outcome = 'ok'
),

-- Messages whose handler logged an exception and returned.
logged AS (
    SELECT
        w.system, w.service, w.instance, w.destination, w.consumer_group, w.message, w.trace_id, w.span_id, w.started, w.ended,
        max(e.error) AS error
    FROM events AS e
    JOIN works AS w ON w.trace_id = e.trace_id AND w.span_id = e.span_id
    WHERE e.name = 'exception' AND e.error IS NOT NULL AND w.outcome = 'ok'
    GROUP BY
        w.system, w.service, w.instance, w.destination, w.consumer_group, w.message, w.trace_id, w.span_id, w.started, w.ended
),

noted AS (
    SELECT system, service, destination, consumer_group, error, count(DISTINCT message) AS messages
    FROM logged
    GROUP BY system, service, destination, consumer_group, error
),

child AS (
    SELECT DISTINCT trace_id, parent_id
    FROM operations
    WHERE system IS NULL AND kind = 'CLIENT' AND outcome = 'error'
)

SELECT
    o.system, o.service, o.instance, o.destination, o.consumer_group, o.error, o.trace_id, o.span_id,
    o.started AS first_time, o.ended AS last_time,
    CASE WHEN c.parent_id IS NULL THEN 'handler' ELSE 'dependency' END AS cause,
    CASE
        -- It may be a single one that comes again and again.
        WHEN NOT t.told_apart THEN 'SUSPECT'
        WHEN p.message IS NOT NULL OR o.system IS NULL OR m.attempts > t.attempts THEN 'LIKELY'
    END AS at_most,
    o.error AS alike,
    CASE
        WHEN m.attempts > t.attempts
            THEN cast(m.failing AS BIGINT) || ' of ' || cast(m.attempts AS BIGINT) || ' attempts fail, by the metrics: '
        WHEN NOT t.told_apart THEN t.failed || ' of ' || t.attempts || ' attempts fail, at messages that cannot be told apart: '
        ELSE t.failing || ' of ' || t.messages || ' messages fail: '
    END || coalesce(o.error_text, o.error) AS detail
FROM work AS o
JOIN failing AS t
    ON t.system IS NOT DISTINCT FROM o.system AND t.service = o.service AND t.destination IS NOT DISTINCT FROM o.destination
    AND t.consumer_group IS NOT DISTINCT FROM o.consumer_group
CROSS JOIN settings AS z
LEFT JOIN measured AS m
    ON m.service = o.service AND m.destination = o.destination AND m.consumer_group IS NOT DISTINCT FROM o.consumer_group
LEFT JOIN passed AS p
    ON p.system IS NOT DISTINCT FROM o.system AND p.service = o.service AND p.destination IS NOT DISTINCT FROM o.destination
    AND p.consumer_group IS NOT DISTINCT FROM o.consumer_group AND p.message = o.message
LEFT JOIN child AS c ON c.trace_id = o.trace_id AND c.parent_id = o.span_id
WHERE
    o.outcome = 'error'
    -- Where spans are missing, such as those that went well, metrics tell the share.
    AND (m.attempts IS NULL OR m.attempts <= t.attempts OR m.failing > z.error_share * m.attempts)
UNION ALL
SELECT
    l.system, l.service, l.instance, l.destination, l.consumer_group, l.error, l.trace_id, l.span_id, l.started, l.ended,
    'logged',
    -- What it did about the exception is not known: it may have tried again.
    'SUSPECT', l.error,
    n.messages || ' of ' || t.messages || ' messages had their handler log an exception: ' || l.error
FROM logged AS l
JOIN noted AS n
    ON n.system IS NOT DISTINCT FROM l.system AND n.service = l.service AND n.destination IS NOT DISTINCT FROM l.destination
    AND n.consumer_group IS NOT DISTINCT FROM l.consumer_group AND n.error = l.error
JOIN total AS t
    ON t.system IS NOT DISTINCT FROM l.system AND t.service = l.service AND t.destination IS NOT DISTINCT FROM l.destination
    AND t.consumer_group IS NOT DISTINCT FROM l.consumer_group
CROSS JOIN settings AS z
WHERE n.messages >= 3 AND t.messages >= 10 AND n.messages > z.error_share * t.messages
