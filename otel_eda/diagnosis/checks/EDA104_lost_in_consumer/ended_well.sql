-- Errors that a handler logged, and queues that were full: its attempt shows nothing of either.
WITH logged AS (
    SELECT
        w.system, w.service, w.instance, w.destination, w.consumer_group, w.partition_id, w.message_offset, w.message,
        w.trace_id, w.span_id, w.origin_trace, w.origin_span, w.started, w.ended, max(e.error) AS error, min(e.time) AS time,
        -- The framework logs so what it catches of a handler.
        bool_or(coalesce(regexp_matches(e.logger, '^faststream[.]'), false) AND w.message_offset IS NOT NULL) AS caught,
        bool_and(e.name = 'eda.process.not_queued') AS unqueued
    FROM events AS e
    JOIN operations AS s ON s.trace_id = e.trace_id AND s.span_id = e.span_id
    JOIN works AS w ON w.trace_id = s.trace_id AND w.instance = s.instance AND NOT w.unacked
    WHERE
        e.name IN ('exception', 'eda.process.not_queued') AND w.outcome = 'ok'
        AND (
            w.span_id = s.span_id
            -- Frameworks have spans of their own around a handler: within the attempt, or beside it.
            OR (
                s.type IS NULL AND s.parent_id IN (w.span_id, w.origin_span) AND s.started >= w.started AND s.started <= w.ended
            )
        )
    GROUP BY
        w.system, w.service, w.instance, w.destination, w.consumer_group, w.partition_id, w.message_offset, w.message,
        w.trace_id, w.span_id, w.origin_trace, w.origin_span, w.started, w.ended
),

-- Attempts that ended well though a handler of an event failed that was dispatched in them: in a task or thread that
-- nobody waited for, or whose error somebody caught. A handler that succeeded later was called again. What the attempt
-- sends after that is the answer: an order declined, a place taken.
unheard AS (
    SELECT
        w.system, w.service, w.instance, w.destination, w.consumer_group, w.partition_id, w.message_offset, w.message,
        w.trace_id, w.span_id, w.origin_trace, w.origin_span, w.started, w.ended, max(h.error) AS error,
        max(h.event_type) AS event_type
    FROM operations AS h
    -- A registry has no span for the dispatch.
    LEFT JOIN operations AS d ON d.trace_id = h.trace_id AND d.span_id = h.parent_id AND d.type IS NULL
    JOIN works AS w ON w.trace_id = h.trace_id AND w.span_id = coalesce(d.parent_id, h.parent_id) AND w.instance = h.instance
    LEFT JOIN (
        SELECT trace_id, instance, event_type, function, max(started) AS started
        FROM operations
        WHERE type = 'handle' AND outcome = 'ok'
        GROUP BY trace_id, instance, event_type, function
    ) AS g
        ON g.trace_id = h.trace_id AND g.instance = h.instance AND g.event_type = h.event_type AND g.function = h.function
        AND g.started >= h.ended
    LEFT JOIN sends AS a ON a.trace_id = w.trace_id AND a.parent_id = w.span_id AND a.outcome = 'ok' AND a.started >= h.ended
    LEFT JOIN logged AS l ON l.trace_id = w.trace_id AND l.span_id = w.span_id
    WHERE
        h.type = 'handle' AND h.outcome = 'error' AND w.outcome = 'ok' AND NOT w.unacked
        AND g.trace_id IS NULL AND a.trace_id IS NULL AND l.trace_id IS NULL
    GROUP BY
        w.system, w.service, w.instance, w.destination, w.consumer_group, w.partition_id, w.message_offset, w.message,
        w.trace_id, w.span_id, w.origin_trace, w.origin_span, w.started, w.ended
),

-- The messages that the same attempt acknowledged after that, besides its own: they were worked on as one batch, as it seems.
fellows AS (
    SELECT DISTINCT
        m.system, m.service, m.instance, m.destination, m.consumer_group, m.partition_id, m.message_offset, m.message, m.trace_id,
        m.span_id, m.origin_trace, m.origin_span, m.started, m.ended, l.error
    FROM logged AS l
    JOIN operations AS a ON a.trace_id = l.trace_id AND a.parent_id = l.span_id
    JOIN works AS m ON m.origin_trace = a.origin_trace AND m.origin_span = a.origin_span AND m.instance = a.instance
    WHERE
        a.type = 'settle' AND a.operation = 'ack' AND a.outcome = 'ok' AND a.started >= l.time AND m.started < l.started
        AND m.destination = l.destination AND m.outcome = 'ok' AND NOT m.unacked
        AND NOT l.unqueued
        AND NOT EXISTS (SELECT 1 FROM logged AS o WHERE o.trace_id = m.trace_id AND o.span_id = m.span_id)
),

-- Messages whose call in another thread or task failed, and at which the same process then looked once more, by another loop
-- over their batch, for less than a tenth of the time that the call took: it hardly tried again.
looked AS (
    SELECT
        f.system, f.service, f.instance, f.destination, f.consumer_group, f.partition_id, f.message_offset, f.message, f.error,
        f.trace_id, f.span_id, f.origin_trace, f.origin_span, f.started, f.ended
    FROM works AS f
    JOIN works AS m
        ON m.destination = f.destination AND m.consumer_group = f.consumer_group AND m.partition_id = f.partition_id
        AND m.message_offset = f.message_offset
    WHERE f.handed AND f.outcome = 'error' AND m.outcome = 'ok'
    GROUP BY
        f.system, f.service, f.instance, f.destination, f.consumer_group, f.partition_id, f.message_offset, f.message, f.error,
        f.trace_id, f.span_id, f.origin_trace, f.origin_span, f.started, f.ended
    HAVING bool_and(
        m.continued IS NOT NULL AND m.instance = f.instance AND m.started >= f.ended AND m.ended - m.started < (f.ended - f.started) / 10
    )
),

troubled AS (
    SELECT
        l.system, l.service, l.instance, l.destination, l.consumer_group, l.partition_id, l.message_offset, l.message, l.error,
        l.trace_id, l.span_id, l.origin_trace, l.origin_span, l.started, l.ended,
        CASE WHEN l.unqueued THEN 'not-queued' ELSE 'error-logged' END AS cause,
        CASE WHEN l.caught AND l.error IS NOT NULL AND a.attempts = 1 THEN 'LIKELY' ELSE 'SUSPECT' END AS at_most,
        CASE WHEN l.unqueued THEN 'a queue of the process refused it' ELSE 'an error was logged while it was processed' END
            || ', which ended well: ' || coalesce(l.error, 'no exception') AS detail
    FROM logged AS l
    LEFT JOIN around AS a
        ON a.consumer_group = l.consumer_group AND a.destination = l.destination AND a.partition_id = l.partition_id
        AND a.message_offset = l.message_offset
    UNION ALL
    SELECT
        system, service, instance, destination, consumer_group, partition_id, message_offset, message, error,
        trace_id, span_id, origin_trace, origin_span, started, ended, 'error-logged', 'SUSPECT',
        'an error was logged before it was acknowledged with others: ' || coalesce(error, 'no exception')
    FROM fellows
    UNION ALL
    SELECT
        system, service, instance, destination, consumer_group, partition_id, message_offset, message, error,
        trace_id, span_id, origin_trace, origin_span, started, ended, 'handler-failed', 'SUSPECT',
        'a handler of ' || event_type || ' failed, and the message counts as done: ' || error
    FROM unheard
    UNION ALL
    SELECT
        system, service, instance, destination, consumer_group, partition_id, message_offset, message, error,
        trace_id, span_id, origin_trace, origin_span, started, ended, 'error-swallowed', 'SUSPECT',
        'its call failed, and a loop over its batch only looked at it after that: ' || coalesce(error, 'no exception')
    FROM looked
)

SELECT
    t.system, t.service, t.instance, t.destination, t.consumer_group, t.partition_id, t.message_offset, t.error, t.trace_id,
    t.span_id, t.started AS first_time, t.ended AS last_time, CASE WHEN t.message_offset IS NULL THEN t.message END AS message,
    t.cause, t.at_most, true AS g3, true AS g4, true AS g6, true AS g7, true AS g8, true AS g9, t.detail
FROM troubled AS t
WHERE
    -- The message was not sent on, nor set aside.
    NOT EXISTS (
        SELECT 1 FROM sends AS s
        WHERE s.outcome = 'ok' AND s.linked AND s.origin_trace = t.origin_trace AND s.origin_span = t.origin_span AND s.started >= t.started
    )
    AND NOT EXISTS (SELECT 1 FROM set_aside AS a WHERE a.trace_id = t.trace_id AND a.instance = t.instance)
