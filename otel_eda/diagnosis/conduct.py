"""Tables of what consumers committed and gave back, and of what they did with messages that failed."""

from __future__ import annotations

from otel_eda import semconv

# Attempts at a message that the consumer then gave back to the broker or refused: no success, though without an error.
REJECTED = """
CREATE TABLE rejected AS
WITH refusals AS (
    SELECT instance, origin_trace, origin_span, started FROM operations
    WHERE type = 'settle' AND operation IN ('nack', 'reject') AND origin_span IS NOT NULL
), attempts AS (
    SELECT trace_id, span_id, instance, origin_trace, origin_span, started FROM operations
    WHERE type = 'process' AND origin_span IN (SELECT origin_span FROM refusals)
)
SELECT DISTINCT a.trace_id, a.span_id FROM refusals r ASOF JOIN attempts a
ON a.origin_trace = r.origin_trace AND a.origin_span = r.origin_span AND a.instance = r.instance
   AND r.started >= a.started
"""
# Attempts whose work was done when its acknowledgement or commit failed: so they ended by that error, or were given up.
# Most of their time was before it, and half or more of what an attempt took that went well: some acknowledge first.
UNACKED = """
CREATE TABLE unacked AS
WITH taken AS (
    SELECT service, destination, min(ended - started) AS least FROM operations
    WHERE type = 'process' AND outcome = 'ok' GROUP BY service, destination
)
SELECT DISTINCT a.trace_id, a.span_id
FROM operations s JOIN operations a ON a.trace_id = s.trace_id AND a.span_id = s.parent_id
LEFT JOIN taken t ON t.service = a.service AND t.destination = a.destination
WHERE s.type = 'settle' AND s.operation IN ('ack', 'commit') AND s.outcome <> 'ok' AND a.type = 'process'
  AND (a.outcome = 'abandoned' OR (a.outcome = 'error' AND a.error = s.error))
  AND s.started - a.started > a.ended - s.started AND 2 * (s.started - a.started) >= coalesce(t.least, 0)
"""
# Partitions that all members of a group read: each takes the partition by itself, and the group is only a name. Two or
# more were at work at the same time, each had its messages once, and nobody committed anything.
COPIED = f"""
CREATE TABLE copied AS
WITH member AS (
    SELECT consumer_group AS by_group, destination AS of_destination, partition_id AS of_partition,
           instance AS by_instance, min(started) AS first_time, max(ended) AS last_time
    FROM operations
    WHERE type = 'process' AND consumer_group IS NOT NULL AND destination IS NOT NULL AND partition_id IS NOT NULL
      AND message_offset IS NOT NULL
    GROUP BY consumer_group, destination, partition_id, instance
), suspected AS (
    SELECT DISTINCT a.by_group, a.of_destination, a.of_partition
    FROM member a JOIN member b
      ON b.by_group = a.by_group AND b.of_destination = a.of_destination AND b.of_partition = a.of_partition
     AND b.by_instance > a.by_instance
    WHERE 2 * (least(a.last_time, b.last_time) - greatest(a.first_time, b.first_time))
          > greatest(a.last_time, b.last_time) - least(a.first_time, b.first_time)
      AND NOT EXISTS (
          SELECT 1 FROM operations c
          WHERE c.type = 'settle' AND c.consumer_group = a.by_group AND c.operation NOT IN ('ack', 'nack', 'reject'))
      AND NOT EXISTS (
          SELECT 1 FROM metrics m
          WHERE m.name = '{semconv.COMMITS}' AND m.consumer_group = a.by_group AND m.value > 0)
), had AS (
    SELECT s.by_group, s.of_destination, s.of_partition,
           count(*) AS attempts, count(DISTINCT o.message_offset) AS messages,
           count(DISTINCT o.instance || '@' || o.message_offset) AS copies
    FROM operations o JOIN suspected s
      ON s.by_group = o.consumer_group AND s.of_destination = o.destination AND s.of_partition = o.partition_id
    WHERE o.type = 'process' AND o.message_offset IS NOT NULL
    GROUP BY s.by_group, s.of_destination, s.of_partition
)
SELECT by_group, of_destination, of_partition FROM had WHERE 2 * copies >= 3 * messages AND 10 * attempts <= 11 * copies
"""
# The span of a commit of several partitions has an event for each of them.
COMMITS = f"""
CREATE VIEW commits AS
SELECT * FROM operations WHERE type = 'settle' AND outcome = 'ok' AND committed IS NOT NULL
UNION ALL
SELECT o.* REPLACE (p.destination AS destination, p.partition_id AS partition_id, p.committed AS committed)
FROM operations o JOIN events p ON p.trace_id = o.trace_id AND p.span_id = o.span_id
WHERE o.type = 'settle' AND o.outcome = 'ok' AND p.name = '{semconv.COMMIT_PART}'
"""
# Whole words, at a name's beginning or end or between its separators: `handlxpress` is no dead-letter exchange.
DEAD = "(^|[^a-z0-9])(dlq|dlx|dlt|dead[^a-z0-9]?letter(s|ed|queue)?)([^a-z0-9]|$)"
# A capital begins a word, too, as in `OrdersDLQ`.
CAPITAL_DEAD = "[a-z0-9](D(LQ|LX|LT|lq|lx|lt)|Dead-?Letter(s|ed)?)([^a-z]|$)"
PARKING = "(^|[^a-z0-9])parking[^a-z0-9]?lot([^a-z0-9]|$)"  # a car park has one, too
# After the name of another destination; a series on the undead, or a feed of errors, has a name of its own.
GRAVE = "^(.+)([^a-z0-9](dead|poison|quarantine)|_error|_skipped|[.]xq)$"
RETRY = "(^|[^a-z0-9])(retry|retries)([^a-z0-9]|$)"
CAPITAL_RETRY = "[a-z0-9]Retr(y|ies)$"
# The destinations of messages that could not be processed, whether somebody sends to them here or reads them. The
# services' own settings may name more of them: their metrics count what they sent there.
ASIDES = f"""
CREATE TABLE asides AS
WITH named AS (
    SELECT service, destination FROM operations WHERE type = 'send' AND destination IS NOT NULL
    UNION
    SELECT service, destination FROM readings
    WHERE name = '{semconv.SENT}' AND error IS NULL AND value > 0 AND destination IS NOT NULL
),
counted AS (
    SELECT n.destination, max(r.name) FILTER (r.name = '{semconv.DEAD_LETTERED}') IS NOT NULL AS dead
    FROM readings r JOIN named n ON n.service = r.service AND n.destination = r.destination
    WHERE r.name IN ('{semconv.DEAD_LETTERED}', '{semconv.RETRIED}') AND r.value > 0
      AND NOT EXISTS (
          SELECT 1 FROM completeness c
          WHERE c.service = r.service AND c.destination = r.destination AND c.type = 'process')
    GROUP BY n.destination
)
SELECT DISTINCT n.destination,
       CASE WHEN regexp_matches(lower(n.destination), '{DEAD}') OR regexp_matches(n.destination, '{CAPITAL_DEAD}')
            THEN 'dead'
            WHEN regexp_matches(lower(n.destination), '{PARKING}') THEN 'parking'
            WHEN NOT coalesce(c.dead, false)
                AND (regexp_matches(lower(n.destination), '{RETRY}') OR regexp_matches(n.destination, '{CAPITAL_RETRY}')
                     OR c.destination IS NOT NULL) THEN 'retry'
            ELSE 'grave' END AS kind
FROM (
    SELECT destination FROM named
    UNION
    SELECT destination FROM operations WHERE type = 'process' AND destination IS NOT NULL
) n LEFT JOIN counted c USING (destination)
WHERE c.destination IS NOT NULL OR regexp_matches(lower(n.destination), '{DEAD}|{PARKING}|{RETRY}')
   OR regexp_matches(n.destination, '{CAPITAL_DEAD}|{CAPITAL_RETRY}')
   OR regexp_extract(lower(n.destination), '{GRAVE}', 1) IN (
       SELECT lower(destination) FROM operations WHERE destination IS NOT NULL)
"""
SET_ASIDE = """
CREATE VIEW set_aside AS SELECT s.*, a.kind AS aside FROM sends s JOIN asides a USING (destination)
WHERE s.outcome = 'ok'
"""
# Of each process, whether all that it sent is known, and up to when.
SENDERS = """
CREATE TABLE senders AS
SELECT r.service, r.instance, r.until, coalesce(c.whole, true) AS whole
FROM (SELECT service, instance, max(time) AS until FROM readings GROUP BY service, instance) r
LEFT JOIN (
    SELECT service, instance, bool_and(complete_until > 0 OR (type = 'process' AND lost = 0)) AS whole
    FROM completeness GROUP BY service, instance) c USING (service, instance)
"""
# Failed attempts after which their process set a message aside, outside of the attempt's span and without a link: each
# such send is about the last attempt that had failed. Of several in a row, as after a batch, some may be about others.
EXCUSED = """
CREATE TABLE excused AS
WITH failed AS (
    SELECT trace_id, span_id, instance, ended FROM works WHERE outcome = 'error'
), answers AS (
    SELECT f.trace_id, f.span_id, s.trace_id AS sent_trace, s.span_id AS sent_span, s.outcome,
           count(*) OVER (PARTITION BY f.trace_id, f.span_id) = 1 AS alone
    FROM (SELECT s.* FROM sends s JOIN asides a USING (destination) WHERE a.kind <> 'parking') s
    ASOF JOIN failed f ON f.instance = s.instance AND f.ended <= s.started
    WHERE s.started - f.ended < 10000000000
      AND NOT EXISTS (SELECT 1 FROM works w WHERE w.trace_id = s.trace_id AND w.span_id = s.parent_id)
)
SELECT DISTINCT trace_id, span_id, sent_trace, sent_span, alone FROM answers WHERE outcome = 'ok'
"""
# What a process set aside, if it may be any message that failed before: neither a failed attempt that set aside nothing
# else, nor a link, nor the time says which one it is.
UNTIED = """
CREATE TABLE untied AS
WITH aside AS (
    SELECT s.trace_id, s.span_id, s.instance, s.started, w.span_id AS attempt,
           count(*) OVER (PARTITION BY w.trace_id, w.span_id) AS number
    FROM set_aside s LEFT JOIN works w
      ON w.trace_id = s.trace_id AND w.instance = s.instance AND w.outcome = 'error'
     AND s.started BETWEEN w.started AND w.ended
    WHERE NOT s.linked
)
SELECT DISTINCT instance, started FROM aside a
WHERE (attempt IS NULL OR number > 1)
  AND NOT EXISTS (
      SELECT 1 FROM excused e WHERE e.sent_trace = a.trace_id AND e.sent_span = a.span_id AND e.alone)
"""
# Sends that failed or were given up, whose service sent a message of the same id after that, to whichever destination,
# or another service to the same one: there, it was most likely the same message, unless the services count theirs.
RESENT = """
CREATE TABLE resent AS
SELECT f.trace_id, f.span_id, bool_or(s.destination = f.destination) AS same
FROM sends f JOIN sends s ON s.message_id = f.message_id
WHERE f.outcome <> 'ok' AND s.outcome = 'ok' AND s.started > f.started
  AND (s.service = f.service OR (s.destination = f.destination AND NOT regexp_matches(f.message_id, '^[0-9]{1,9}$')))
GROUP BY f.trace_id, f.span_id
"""
# Traces in which a message was received whose sending has no span, with the services that send to its destination: one
# of these may have worked on what the trace is about, though no span shows it.
FORWARDED = """
CREATE TABLE forwarded AS
WITH unseen AS (
    SELECT DISTINCT w.origin_trace AS trace_id, w.destination FROM operations w
    WHERE w.type = 'process' AND w.origin_span IS NOT NULL AND w.destination IS NOT NULL
      AND NOT EXISTS (
          SELECT 1 FROM operations s WHERE s.span_id = w.origin_span AND s.trace_id = w.origin_trace)
), sender AS (
    SELECT DISTINCT service, destination FROM operations WHERE type = 'send' AND destination IS NOT NULL
), way AS (
    SELECT DISTINCT d.destination, s.service
    FROM (SELECT DISTINCT destination FROM unseen) d
    JOIN sender s ON s.destination = d.destination OR starts_with(d.destination, s.destination || ':')
)
SELECT DISTINCT u.trace_id, y.service FROM unseen u JOIN way y ON y.destination = u.destination
WHERE u.trace_id IN (SELECT trace_id FROM operations WHERE type = 'send')
"""
# What was sent in traces of failed attempts, and what the sender's own service was done with then: it tried again.
RETRIED = """
CREATE TABLE retried AS
SELECT DISTINCT s.trace_id, s.instance, s.destination, s.started, a.kind
FROM sends s
JOIN works w ON w.origin_trace = s.trace_id AND w.origin_span = s.span_id AND w.service = s.service
LEFT JOIN asides a ON a.destination = s.destination
WHERE s.outcome = 'ok' AND w.outcome = 'ok' AND s.trace_id IN (SELECT trace_id FROM works WHERE outcome <> 'ok')
"""
# When dead letters without a context were read last: no span says which messages they were before.
NAMELESS = """
CREATE TABLE nameless AS
SELECT system, max(started) AS started
FROM operations WHERE type IN ('receive', 'process') AND origin_span IS NULL AND deaths > 0
GROUP BY system
"""
# Queues and subscriptions that each get the same messages, as from an exchange or a topic: of what was done in `queue`,
# nine in ten were done in `other`, too. Dead letters were done in no other queue.
FANNED = """
CREATE TABLE fanned AS
WITH done AS (
    SELECT origin_trace, origin_span, concat_ws('/', destination, consumer_group) AS queue
    FROM works
    WHERE message_offset IS NULL AND origin_span IS NOT NULL AND destination IS NOT NULL AND outcome = 'ok'
      AND system NOT IN ('kafka', 'zeromq')
    GROUP BY ALL
), several AS (
    SELECT origin_trace, origin_span FROM done GROUP BY ALL HAVING count(*) > 1
), shared AS (
    SELECT d.* FROM done d JOIN several s ON s.origin_trace = d.origin_trace AND s.origin_span = d.origin_span
)
SELECT p.queue, p.other
FROM (
    SELECT a.queue, b.queue AS other, count(*) AS number
    FROM shared a JOIN shared b ON b.origin_trace = a.origin_trace AND b.origin_span = a.origin_span
    WHERE b.queue <> a.queue
    GROUP BY a.queue, b.queue) p
JOIN (SELECT queue, count(*) AS number FROM done GROUP BY queue) q ON q.queue = p.queue
WHERE 10 * p.number >= 9 * q.number
"""
# What processes with failed attempts sent outside of all attempts, as who sets messages aside where an error is caught.
STRAYS = """
CREATE TABLE strays AS
SELECT s.instance, s.started
FROM sends s LEFT JOIN (SELECT DISTINCT trace_id, instance FROM works) w USING (trace_id, instance)
WHERE s.outcome = 'ok' AND w.trace_id IS NULL AND s.instance IN (SELECT instance FROM works WHERE outcome = 'error')
"""
STATEMENTS = (FANNED, ASIDES, SET_ASIDE, SENDERS, EXCUSED, STRAYS, UNTIED, RESENT, FORWARDED, RETRIED, NAMELESS)
