-- gates: G4 G5
-- news: message
SELECT
    a.system, a.service, a.previous_instance AS instance, a.instance AS other_instance, a.previous_host AS host,
    a.host AS other_host, a.destination, a.consumer_group, a.partition_id, a.message_offset,
    a.previous_trace AS trace_id, a.previous_span AS span_id, a.trace_id AS other_trace_id, a.span_id AS other_span_id,
    a.previous_started AS first_time, greatest(a.ended, a.previous_ended) AS last_time,
    'two-members' AS cause,
    -- Two brokers of one name have messages of their own at each place; a context tells that it is one message.
    CASE
        -- Who never has a message of its own, or has one after the other within another's attempts, works for that one.
        WHEN
            a.ended <= a.previous_ended
            AND (o.instance IS NULL OR (count(*) OVER pair >= 3 AND max(a.ended - a.previous_ended) OVER pair <= 0))
            THEN 'SUSPECT'
        -- A call that was given up may have waited all the time for a thread, without any work.
        WHEN NOT a.linked OR g.span_id IS NOT NULL OR (a.outcome = 'abandoned' AND a.handed) THEN 'LIKELY'
    END AS at_most,
    'two members had it at the same time, for '
    || round((least(a.ended, a.previous_ended) - a.started) / 1000000000.0, 3) || ' s' AS detail
FROM attempts AS a
CROSS JOIN settings AS t
LEFT JOIN (
    SELECT DISTINCT consumer_group, destination, instance FROM around WHERE attempts = 1
) AS o ON o.consumer_group = a.consumer_group AND o.destination = a.destination AND o.instance = a.instance
LEFT JOIN (
    SELECT trace_id, span_id FROM works WHERE outcome = 'abandoned' AND handed GROUP BY trace_id, span_id
) AS g ON g.trace_id = a.previous_trace AND g.span_id = a.previous_span
WHERE
    a.consumer_group IS NOT NULL AND a.message_offset IS NOT NULL
    -- A span below the other goes on with it, as that of a worker does.
    AND a.parent_id IS DISTINCT FROM a.previous_span
    AND a.previous_instance <> a.instance AND least(a.ended, a.previous_ended) - a.started > t.skew
WINDOW pair AS (PARTITION BY a.consumer_group, a.destination, a.previous_instance, a.instance)
