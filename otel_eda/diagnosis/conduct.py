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
DEAD = "(^|[^a-z0-9])(dlq|dlx|dlt|dead[^a-z0-9]?letter(s|ed)?)([^a-z0-9]|$)"
PARKING = "(^|[^a-z0-9])parking[^a-z0-9]?lot([^a-z0-9]|$)"  # a car park has one, too
# After the name of another destination; a series on the undead, or a feed of errors, has a name of its own.
GRAVE = "^(.+)([^a-z0-9]dead|_error|_skipped|[.]xq)$"
RETRY = "(^|[^a-z0-9])(retry|retries)([^a-z0-9]|$)"
# The destinations to which messages are sent that could not be processed. The services' own settings may name more of
# them: their metrics count what they sent there.
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
       CASE WHEN regexp_matches(lower(n.destination), '{DEAD}') THEN 'dead'
            WHEN regexp_matches(lower(n.destination), '{PARKING}') THEN 'parking'
            WHEN NOT coalesce(c.dead, false)
                AND (regexp_matches(lower(n.destination), '{RETRY}') OR c.destination IS NOT NULL) THEN 'retry'
            ELSE 'grave' END AS kind
FROM named n LEFT JOIN counted c USING (destination)
WHERE c.destination IS NOT NULL OR regexp_matches(lower(n.destination), '{DEAD}|{PARKING}|{RETRY}')
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
# such send is about the last attempt that had failed.
EXCUSED = """
CREATE TABLE excused AS
WITH failed AS (
    SELECT trace_id, span_id, instance, ended FROM works WHERE outcome = 'error'
)
SELECT DISTINCT f.trace_id, f.span_id, s.trace_id AS sent_trace, s.span_id AS sent_span
FROM (SELECT * FROM set_aside WHERE aside <> 'parking') s
ASOF JOIN failed f ON f.instance = s.instance AND f.ended <= s.started
WHERE s.started - f.ended < 10000000000
  AND NOT EXISTS (SELECT 1 FROM works w WHERE w.trace_id = s.trace_id AND w.span_id = s.parent_id)
"""
STATEMENTS = (ASIDES, SET_ASIDE, SENDERS, EXCUSED)
