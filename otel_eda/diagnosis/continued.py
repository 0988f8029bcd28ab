"""Spans that the application began itself for a message whose delivery has one, in a worker's thread or process.

Such a span goes on with that attempt, and is no second one. But after an attempt that has failed it is the next.
"""

CONTINUED = """
CREATE TEMP TABLE continued AS
WITH attempts AS (
    SELECT *, concat_ws('|', service, destination, consumer_group,
                        coalesce(partition_id || '@' || message_offset, origin_trace || '-' || origin_span)) AS message
    FROM operations WHERE type = 'process' AND (message_offset IS NOT NULL OR origin_span IS NOT NULL)
), ordered AS (
    SELECT *, coalesce(lag(outcome) OVER before = 'error' AND lag(ended) OVER before <= started, false) AS retried
    FROM attempts WINDOW before AS (PARTITION BY message ORDER BY started, ended)
)
SELECT m.trace_id, m.span_id, m.started, m.ended, m.outcome, m.error, m.error_text,
       d.trace_id AS first_trace, d.span_id AS first_span
FROM (FROM ordered WHERE continued AND NOT retried) m
ASOF JOIN (FROM ordered WHERE continued IS DISTINCT FROM true) d
ON d.message = m.message AND d.started <= m.started
"""
CONTINUES = """
UPDATE operations SET continued = EXISTS (
    SELECT 1 FROM continued c WHERE c.trace_id = operations.trace_id AND c.span_id = operations.span_id)
WHERE continued
"""
OUTCOMES = """
UPDATE operations AS o SET ended = greatest(o.ended, c.ended),
       outcome = c.outcome, error = c.error, error_text = c.error_text
FROM (SELECT first_trace, first_span, max(ended) AS ended, arg_max(outcome, started) AS outcome,
             arg_max(error, started) AS error, arg_max(error_text, started) AS error_text
      FROM continued GROUP BY first_trace, first_span) c
WHERE o.trace_id = c.first_trace AND o.span_id = c.first_span AND o.outcome IN ('ok', 'abandoned')
"""
STATEMENTS = (CONTINUED, CONTINUES, OUTCOMES)
