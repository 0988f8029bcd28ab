-- gates: G1 G5
-- news: place
WITH
-- Where no message waited long, none needs to be put in order.
late AS (
    SELECT w.system, w.destination, w.consumer_group
    FROM works AS w
    JOIN sends AS s ON s.span_id = w.origin_span AND s.trace_id = w.origin_trace
    LEFT JOIN apart AS a ON a.host = coalesce(w.host, w.instance) AND a.sender_host = coalesce(s.host, s.instance)
    CROSS JOIN settings AS z
    GROUP BY w.system, w.destination, w.consumer_group
    HAVING
        max(w.started - s.ended - coalesce(a.least, 0)) > max(coalesce(z.queue_bound, 1000000000))
        OR (max(z.queue_bound) IS NULL AND max(s.ended - s.started) > 1000000000)
),

every AS (
    SELECT
        w.system, w.service, w.instance, w.host, s.host AS sender_host, s.instance AS sender, w.destination,
        w.consumer_group, w.partition_id, w.message_offset, w.message, w.trace_id, w.span_id, w.started AS first_time,
        w.ended AS last_time, s.trace_id AS sent_trace, s.span_id AS sent_span,
        s.ended - s.started AS acknowledging, w.started - s.ended AS waiting,
        row_number() OVER (
            PARTITION BY s.trace_id, s.span_id, w.destination, w.consumer_group ORDER BY w.started, w.span_id
        ) AS attempt
    FROM works AS w
    JOIN late AS l
        ON l.system = w.system AND l.destination IS NOT DISTINCT FROM w.destination
        AND l.consumer_group IS NOT DISTINCT FROM w.consumer_group
    JOIN sends AS s ON s.span_id = w.origin_span AND s.trace_id = w.origin_trace
    WHERE
        s.outcome = 'ok' AND coalesce(w.deliveries, 0) = 0 AND NOT coalesce(w.redelivered, false)
        -- A dead letter lay in another queue, as long as it was meant to, or until somebody refused it.
        AND coalesce(w.deaths, 0) = 0
        -- What a failed attempt sends to where its message came from is to be tried again, often after a while.
        AND NOT EXISTS (
            SELECT 1 FROM works AS t
            WHERE t.trace_id = s.trace_id AND t.span_id = s.parent_id AND t.destination = w.destination AND t.outcome <> 'ok'
        )
),

-- Two clocks may differ by up to the shortest time between them; only the time above that is certain to be waiting.
-- Only first attempts count: a second attempt did not wait. A broadcast has a first one for each of its readers.
delivery AS (
    SELECT
        e.system, e.service, e.instance, e.host, e.sender_host, e.sender, e.destination, e.consumer_group,
        e.partition_id, e.message_offset, e.message, e.trace_id, e.span_id, e.first_time, e.last_time, e.sent_trace, e.sent_span,
        e.acknowledging, e.waiting - coalesce(a.least, 0) AS waiting
    FROM every AS e
    LEFT JOIN apart AS a ON a.host = coalesce(e.host, e.instance) AND a.sender_host = coalesce(e.sender_host, e.sender)
    WHERE e.attempt = 1
),

-- Where most messages wait, a median is no measure of what is usual. In a queue that is worked off after a burst, no
-- message waits for ten times as long as the quickest seventh of them.
usual AS (
    SELECT
        system, destination, consumer_group, quantile_cont(waiting, 0.15) AS waiting,
        median(acknowledging) AS acknowledging,
        count(*) AS number
    FROM delivery
    GROUP BY system, destination, consumer_group
),

judged AS (
    SELECT
        d.*, u.waiting AS usual, z.queue_bound,
        -- The sender's clock alone tells how long the broker took, which may have delivered the message before it answered.
        z.queue_bound IS NULL AND d.acknowledging > greatest(d.waiting, 10 * u.acknowledging, 1000000000) AS slow_ack,
        u.acknowledging AS usual_ack
    FROM delivery AS d
    JOIN usual AS u
        ON u.system = d.system AND u.destination IS NOT DISTINCT FROM d.destination
        AND u.consumer_group IS NOT DISTINCT FROM d.consumer_group
    CROSS JOIN settings AS z
    WHERE
        (z.queue_bound IS NOT NULL AND d.waiting > z.queue_bound)
        OR (
            z.queue_bound IS NULL AND u.number >= 20
            AND (
                d.waiting > greatest(10 * u.waiting, 1000000000)
                OR d.acknowledging > greatest(10 * u.acknowledging, 1000000000)
            )
        )
)

SELECT
    system, service, sender AS instance, instance AS other_instance, sender_host AS host, host AS other_host,
    destination, consumer_group, partition_id, message_offset,
    CASE WHEN message_offset IS NULL THEN message END AS message,
    sent_trace AS trace_id, sent_span AS span_id, trace_id AS other_trace_id, span_id AS other_span_id,
    first_time, last_time,
    -- A clock that is set meanwhile makes the wait look longer; how long the broker took, one clock tells.
    CASE WHEN acknowledging > waiting THEN true END AS g5,
    CASE WHEN acknowledging > waiting THEN 'broker' ELSE 'waited' END AS cause,
    CASE
        -- The first attempt may be missing, and this is another one.
        WHEN waiting >= acknowledging AND destination IN (SELECT k.destination FROM short AS k WHERE k.destination IS NOT NULL) THEN 'SUSPECT'
        WHEN queue_bound IS NULL THEN 'LIKELY'
    END AS at_most,
    CASE
        WHEN slow_ack THEN 'the broker took ' || round(acknowledging / 1000000000.0, 3) || ' s to acknowledge it, usually '
            || round(usual_ack / 1000000000.0, 3) || ' s'
        ELSE 'waited ' || round(waiting / 1000000000.0, 3) || ' s'
    END
    || CASE
        WHEN slow_ack THEN ''
        WHEN queue_bound IS NULL THEN ', usually ' || round(usual / 1000000000.0, 3) || ' s'
        ELSE '; the bound is ' || round(queue_bound / 1000000000.0, 3) || ' s'
    END AS detail
FROM judged
