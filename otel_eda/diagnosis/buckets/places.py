"""SQL that says which bucket a row belongs to, and which rows of others a bucket needs for its checks."""

from __future__ import annotations

from otel_eda import semconv

# A destination belongs to one bucket, whatever version of DuckDB asks and on whatever machine. The two ends of a ZeroMQ
# connection may name it differently, so all of ZeroMQ is in one.
BUCKET = (
    "(md5_number_lower(CASE WHEN {system} = 'zeromq' THEN 'zeromq' ELSE coalesce({destination}, '') END) % {of} + 1)"
    "::INTEGER"
)
# A handler of events has no destination; EDA401 has the event's type there.
PLACE = "CASE WHEN type = 'handle' THEN event_type ELSE destination END"
MESSAGING = "(system IS NOT NULL OR type IS NOT NULL)"
EVERYWHERE = 0  # the number of what each bucket reads

# Spans by hashes of their ids: of themselves, of their parents, of those that created their messages. Where two hashes
# are equal by chance, a bucket gets a row that it does not need.
KEYS = f"""
CREATE TABLE keys AS
SELECT rowid AS row, type, destination IN (SELECT destination FROM asides) AS is_aside,
       CASE WHEN {MESSAGING} THEN {{home}} END AS home,
       hash(trace_id, span_id) AS self,
       CASE WHEN parent_id IS NOT NULL THEN hash(trace_id, parent_id) END AS parent,
       CASE WHEN origin_span IS NOT NULL THEN hash(origin_trace, origin_span) END AS origin
FROM operations
"""
# What of one message is in several buckets: each has all of it.
MESSAGES = """
WITH several AS (SELECT origin FROM keys WHERE home IS NOT NULL GROUP BY origin HAVING min(home) < max(home)),
homes AS (SELECT DISTINCT origin, home FROM keys SEMI JOIN several USING (origin) WHERE home IS NOT NULL)
SELECT k.row, h.home FROM keys k JOIN homes h ON h.origin = k.origin WHERE k.home IS DISTINCT FROM h.home
"""
# The span that created a message, where it is not the message's sending.
CREATIONS = """
WITH homes AS (SELECT DISTINCT origin, home FROM keys WHERE home IS NOT NULL AND origin <> self)
SELECT k.row, h.home FROM keys k JOIN homes h ON h.origin = k.self WHERE k.home IS DISTINCT FROM h.home
"""
# What an attempt did: its children.
CHILDREN = """
SELECT c.row, w.home FROM keys c JOIN keys w ON w.self = c.parent
WHERE w.type = 'process' AND c.home IS DISTINCT FROM w.home
"""
# What handled an event that an attempt dispatched by a span of its own.
HANDLERS = """
SELECT h.row, w.home FROM keys h JOIN keys d ON d.self = h.parent JOIN keys w ON w.self = d.parent
WHERE h.type = 'handle' AND w.type = 'process' AND h.home IS DISTINCT FROM w.home
"""
# The attempt that an event's handler ran in, or that set a message aside: that may be the parent's parent.
ATTEMPTS = """
SELECT w.row, d.home FROM keys d JOIN keys w ON w.self = d.parent
WHERE (d.type = 'handle' OR (d.type = 'send' AND d.is_aside)) AND d.home IS DISTINCT FROM w.home
"""
ATTEMPTS_ABOVE = """
WITH pairs AS (
    SELECT d.row, d.home, w.row AS attempt, w.home AS attempt_home
    FROM keys d JOIN keys h ON h.self = d.parent JOIN keys w ON w.self = h.parent
    WHERE d.type = 'send' AND d.is_aside AND w.type = 'process' AND d.home <> w.home
)
SELECT row, attempt_home FROM pairs UNION ALL SELECT attempt, home FROM pairs
"""
EXCUSED = """
WITH pairs AS (
    SELECT d.row, d.home, w.row AS attempt, w.home AS attempt_home
    FROM excused e JOIN keys w ON w.self = hash(e.trace_id, e.span_id)
    JOIN keys d ON d.self = hash(e.sent_trace, e.sent_span)
    WHERE d.home IS DISTINCT FROM w.home
)
SELECT row, attempt_home FROM pairs UNION ALL SELECT attempt, home FROM pairs
"""
# What was sent in the trace of an attempt that failed, whose handler did, or that logged an error: it may be about the
# message.
SENT = """
WITH troubled AS (
    SELECT DISTINCT w.trace_id, w.instance, {work_home} AS home FROM works w
    WHERE w.outcome <> 'ok' OR EXISTS (
        SELECT 1 FROM events e WHERE e.name = 'exception' AND e.trace_id = w.trace_id AND e.span_id = w.span_id)
    OR EXISTS (SELECT 1 FROM operations h WHERE h.type = 'handle' AND h.outcome = 'error' AND h.trace_id = w.trace_id)
)
SELECT s.rowid, t.home FROM operations s JOIN troubled t ON t.trace_id = s.trace_id AND t.instance = s.instance
WHERE s.type = 'send' AND t.home <> {send_home}
"""
# A send that says that it repeats another one, or an attempt.
REPEATS = """
SELECT s.rowid, {work_home} FROM operations w JOIN operations s ON s.repeats = w.span_id
WHERE w.type IN ('send', 'process') AND {work_home} <> {send_home}
"""
# EDA301 asks of a service as a whole whether its spans tell of messages out of order.
MISORDERED = """
SELECT s.rowid, n.home FROM operations s CROSS JOIN (SELECT unnest(range(1, {of} + 1))::INTEGER AS home) n
WHERE s.misordered AND n.home <> {send_home}
"""
NEEDED = (MESSAGES, CREATIONS, CHILDREN, HANDLERS, ATTEMPTS, ATTEMPTS_ABOVE, EXCUSED, SENT, REPEATS, MISORDERED)
# A partition that changes hands tells of a process as a whole. Errors belong to the attempt that they were logged in.
HANDOVER = f"e.name IN ('{semconv.ASSIGNED}', '{semconv.REVOKED}')"
EVENTS = f"""
SELECT e.rowid AS row, CASE WHEN {HANDOVER} THEN {EVERYWHERE} ELSE {{event_home}} END AS home
FROM events e WHERE e.destination IS NOT NULL OR {HANDOVER}
UNION
SELECT e.rowid, k.home FROM events e JOIN keys k ON k.self = hash(e.trace_id, e.span_id)
WHERE k.type = 'process' AND e.name = 'exception'
"""


def bucket(of: int, destination: str = "destination", system: str = "system") -> str:
    """Return SQL of the number of the bucket, from 1 on, that a destination belongs to."""
    return BUCKET.format(of=of, destination=destination, system=system)


def statements(of: int) -> tuple[str, ...]:
    """Return the statements that say where rows go: `needed` has what buckets need of others, `found` the events."""
    homes = {
        name: bucket(of, f"{alias}.destination", f"{alias}.system")
        for name, alias in (("work_home", "w"), ("send_home", "s"), ("event_home", "e"))
    }
    rows = " UNION ALL ".join(f"(SELECT * FROM ({one.format(of=of, **homes)}) one(row, home))" for one in NEEDED)
    return (
        KEYS.format(home=bucket(of, PLACE)),
        f"CREATE TABLE needed AS SELECT DISTINCT row, home FROM ({rows})",
        f"CREATE TABLE found AS {EVENTS.format(**homes)}",
    )
