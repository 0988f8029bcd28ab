"""Spans that the application began itself for a message whose delivery has one, in a worker's thread or process.

Such a span goes on with that attempt, and is no second one. But after an attempt that has failed it is the next.
"""

CONTINUED = """
CREATE TABLE continued AS
WITH attempts AS (
    SELECT *, concat_ws('|', service, destination, consumer_group,
                        coalesce(partition_id || '@' || message_offset, origin_trace || '-' || origin_span)) AS message
    FROM operations WHERE type = 'process' AND (message_offset IS NOT NULL OR origin_span IS NOT NULL)
), ordered AS (
    SELECT *, coalesce(lag(outcome) OVER before = 'error' AND lag(ended) OVER before <= started, false) AS retried
    FROM attempts WINDOW before AS (PARTITION BY message ORDER BY started, ended)
)
SELECT m.trace_id, m.span_id, m.started, m.ended, m.outcome, m.error, m.error_text, m.handed,
       d.trace_id AS first_trace, d.span_id AS first_span
FROM (SELECT * FROM ordered WHERE continued AND NOT retried) m
ASOF JOIN (SELECT * FROM ordered WHERE continued IS DISTINCT FROM true) d
ON d.message = m.message AND d.started <= m.started
"""
# Such a span is no attempt, and where it ends the attempt does.
APPLIED = """
CREATE TABLE applied AS
SELECT o.* REPLACE (
    CASE WHEN o.continued THEN k.known IS NOT NULL ELSE o.continued END AS continued,
    CASE WHEN c.handed THEN true ELSE o.handed END AS handed,
    CASE WHEN c.known THEN greatest(o.ended, c.ended) ELSE o.ended END AS ended,
    CASE WHEN c.known THEN c.outcome ELSE o.outcome END AS outcome,
    CASE WHEN c.known THEN c.error ELSE o.error END AS error,
    CASE WHEN c.known THEN c.error_text ELSE o.error_text END AS error_text)
FROM operations o LEFT JOIN (SELECT DISTINCT trace_id, span_id, true AS known FROM continued) k
ON k.trace_id = o.trace_id AND k.span_id = o.span_id
LEFT JOIN (
    SELECT first_trace, first_span, max(ended) AS ended, arg_max(outcome, started) AS outcome,
           arg_max(error, started) AS error, arg_max(error_text, started) AS error_text, true AS known,
           bool_or(coalesce(handed, false)) AS handed
    FROM continued GROUP BY first_trace, first_span
) c ON c.first_trace = o.trace_id AND c.first_span = o.span_id AND o.outcome IN ('ok', 'abandoned')
"""
STATEMENTS = (
    CONTINUED, APPLIED, "DROP TABLE continued", "DROP TABLE operations", "ALTER TABLE applied RENAME TO operations",
)  # fmt: skip
