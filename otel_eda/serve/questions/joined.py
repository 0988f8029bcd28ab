"""The SQL that joins messages that were sent with the attempts at them."""

from __future__ import annotations

# `message` names a message as its sender and its readers do. One that was created once and sent to two destinations
# is two messages. Readers of a queue that is fed by an exchange have another destination than its senders: the queue
# stands for their group.
SENT = """
sent AS (
    SELECT hash(origin_trace, origin_span) AS message, destination, any_value(system) AS system,
           min(started) AS started, min(ended) AS ended, bool_and(outcome IN ('error', 'unresolved')) AS unsent,
           arg_min(service, started) AS service, arg_min(trace_id, started) AS trace_id,
           arg_min(span_id, started) AS span_id, any_value(message_id) AS message_id,
           any_value(correlation_id) AS correlation_id, any_value(partition_id) AS partition_id,
           any_value(message_offset) AS message_offset, any_value(key_hash) AS key_hash, any_value(error) AS error
    FROM operations
    WHERE type = 'send' AND started >= $since AND started < $until AND destination IS NOT NULL
          AND ($destination IS NULL OR destination = $destination)
    GROUP BY ALL
)"""
# A span that the application began itself goes on with the attempt whose delivery another span shows: then it tells how
# that ended. A refusal ends the attempt of its own process before it: what was refused was not processed.
WORKED = """
refusals AS (
    SELECT hash(origin_trace, origin_span) AS message, instance, started FROM operations
    WHERE type = 'settle' AND operation IN ('nack', 'reject') AND started >= $since - 60000000000
          AND hash(origin_trace, origin_span) IN (SELECT message FROM sent)
), attempts AS (
    SELECT hash(origin_trace, origin_span) AS message, instance, started FROM operations
    WHERE type = 'process' AND hash(origin_trace, origin_span) IN (SELECT message FROM refusals)
), refused AS (
    SELECT DISTINCT a.message, a.instance, a.started FROM refusals r ASOF JOIN attempts a
    ON a.message = r.message AND a.instance = r.instance AND r.started >= a.started
), worked AS (
    SELECT hash(o.origin_trace, o.origin_span) AS message, destination AS read_from, consumer_group,
           min(o.started) AS first_started, max(ended) AS last_ended,
           count(*) FILTER (continued IS DISTINCT FROM true) AS attempts,
           CASE WHEN bool_or(continued) THEN bool_or(continued AND outcome = 'ok' AND f.message IS NULL)
                ELSE bool_or(outcome = 'ok' AND f.message IS NULL) END AS processed,
           arg_max(error, ended) FILTER (error IS NOT NULL) AS error
    FROM operations o LEFT JOIN refused f
    ON f.message = hash(o.origin_trace, o.origin_span) AND f.instance = o.instance AND f.started = o.started
    WHERE type = 'process' AND o.started >= $since - 60000000000
          AND hash(o.origin_trace, o.origin_span) IN (SELECT message FROM sent)
    GROUP BY ALL
)"""
READER = "coalesce(w.consumer_group, CASE WHEN w.read_from <> s.destination THEN w.read_from END)"
# Who reads a destination, whether or not anything of a message is there: `known_…` are those of other times.
MATCHED = f"""
pairs AS (
    SELECT s.destination, s.message, {READER} AS reader, w.first_started, w.last_ended, w.attempts, w.error,
           coalesce(w.processed, false) AS processed
    FROM sent s JOIN worked w USING (message)
), readers AS (
    SELECT DISTINCT destination, reader FROM pairs
    UNION
    SELECT k.destination, k.reader FROM (SELECT unnest($known_destinations::VARCHAR[]) AS destination,
                                                unnest($known_readers::VARCHAR[]) AS reader) k
    SEMI JOIN sent USING (destination)
), graces AS (
    SELECT p.destination, p.reader, greatest(3 * quantile_cont(p.last_ended - s.started, 0.999), $least_grace) AS grace
    FROM pairs p JOIN sent s USING (destination, message) GROUP BY ALL
), fates AS (
    SELECT s.*, n.reader, n.destination IS NOT NULL AS is_read, p.attempts, p.last_ended, p.error AS work_error,
           coalesce($grace, g.grace, $least_grace) AS grace,
           CASE WHEN p.message IS NULL AND s.unsent THEN 'unsent'
                WHEN p.processed THEN 'processed'
                WHEN p.message IS NOT NULL THEN 'failed'
                WHEN n.destination IS NULL OR s.ended + coalesce($grace, g.grace, $least_grace) > $now THEN 'under_way'
                ELSE 'lost' END AS state
    FROM sent s
    LEFT JOIN readers n ON n.destination = s.destination
    LEFT JOIN graces g ON g.destination = n.destination AND g.reader IS NOT DISTINCT FROM n.reader
    LEFT JOIN pairs p ON p.destination = s.destination AND p.message = s.message
        AND p.reader IS NOT DISTINCT FROM n.reader
)"""
FATES = f"WITH {SENT}, {WORKED}, {MATCHED}"
