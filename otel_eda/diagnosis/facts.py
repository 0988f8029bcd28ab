"""Tables and views that checks and gates share: which rows are which facts, how complete the telemetry is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_eda import semconv

from . import completeness, conduct, external, prediction
from .columns import SERIES
from .settings import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .engines import Tables
    from .settings import Bounds

SHORTEST_GRACE_SECONDS = 10.0
TRIPS_OF_GRACE = 3
BATCH_DELAY_SECONDS = 5.0  # the SDK's span processor waits so long
# The module `watermarks` fills them where telemetry is read while it comes. For each service: the time that its clock
# shows now, the time up to which all its telemetry should be here, and the time since when it is here. In `cuts`: the
# processes whose past was cut off, and up to when.
WATERMARKS = (
    "CREATE TABLE IF NOT EXISTS watermarks (service VARCHAR, now BIGINT, settled BIGINT, since BIGINT)",
    "CREATE TABLE IF NOT EXISTS cuts (service VARCHAR, instance VARCHAR, since BIGINT)",
)
SENDS = "CREATE VIEW sends AS SELECT * FROM operations WHERE type = 'send'"
# `message` names the message of an attempt: its place in the partition, else its creation id and own id, else the
# attempt itself, as where one send with one context was of several messages. Readers that share no group and no queue,
# and those of queues of their own, each have a copy of every message: `replica` tells these copies apart.
# Exceptions by which a handler says what is to become of the message are no failures of it, and tell as much.
DONE, PUT_BACK = ("(^|[.])(" + verbs + ")(Message|Task|Event|Record)?$" for verbs in (
    "Ack|Skip|Ignore|Drop|Discard", "Nack|Reject|Requeue|Retry"))  # fmt: skip
# Nearly every check asks for attempts: a table of them takes less than to find them anew each time. DuckDB compresses
# tables of its file, but none that is temporary: to compress this one takes as long as to make it.
WORKS = f"""
CREATE TEMP TABLE works AS
SELECT o.* REPLACE (CASE WHEN u.span_id IS NOT NULL THEN 'ok'
                         WHEN r.span_id IS NOT NULL AND outcome = 'ok' THEN 'rejected'
                         WHEN outcome = 'error' AND regexp_matches(error, '{DONE}') THEN 'ok'
                         WHEN outcome = 'error' AND regexp_matches(error, '{PUT_BACK}') THEN 'rejected'
                         ELSE outcome END AS outcome),
       CASE WHEN message_offset IS NOT NULL THEN partition_id || '@' || message_offset
            WHEN message_id IS NOT NULL THEN concat_ws('-', origin_trace, origin_span, message_id)
            WHEN m.span_id IS NOT NULL THEN o.span_id
            ELSE coalesce(origin_trace || '-' || origin_span, o.span_id) END AS message,
       CASE WHEN consumer_group IS NULL AND real_name IS NOT NULL THEN real_name
            WHEN by_group IS NOT NULL THEN instance
            WHEN consumer_group IS NULL AND (
                coalesce(system NOT IN {external.QUEUES}, true) OR regexp_matches(destination, '{external.GENERATED}'))
            THEN CASE WHEN instance = service THEN o.span_id ELSE instance END END AS replica,
       u.span_id IS NOT NULL AS unacked
FROM operations o LEFT JOIN rejected r ON r.trace_id = o.trace_id AND r.span_id = o.span_id
LEFT JOIN unacked u ON u.trace_id = o.trace_id AND u.span_id = o.span_id
LEFT JOIN (SELECT DISTINCT trace_id, span_id FROM operations WHERE type = 'send' AND batch > 1) m
  ON m.trace_id = o.origin_trace AND m.span_id = o.origin_span
LEFT JOIN copied ON by_group = consumer_group AND of_destination = destination AND of_partition = partition_id
WHERE type = 'process' AND continued IS DISTINCT FROM true
"""
HANDOVERS = f"""
CREATE VIEW handovers AS SELECT * FROM events WHERE name IN ('{semconv.ASSIGNED}', '{semconv.REVOKED}')
"""
SERVICES = """
CREATE TABLE services AS
SELECT service, min(started) AS first_time, greatest(max(ended), max(coalesce(now, 0))) AS last_time, count(*) AS spans
FROM operations LEFT JOIN watermarks USING (service) GROUP BY service
"""
PROCESSES = "CREATE TABLE processes AS SELECT instance, max(ended) AS last_time FROM operations GROUP BY instance"
# What each series says in the end: the last reading of a level; of a counter, what all its runs counted. Two
# processes of one name may say two things at one moment: then the greater counts.
READINGS = f"""
CREATE TABLE readings AS
WITH runs AS (
    SELECT {", ".join(SERIES)}, started, bool_or(delta) AS delta, bool_or(rising) AS rising,
           CASE WHEN bool_or(delta) THEN sum(value) ELSE arg_max(value, (time, value)) END AS value,
           CASE WHEN bool_or(delta) THEN sum(number) ELSE arg_max(number, (time, number)) END AS number,
           max(time) AS time
    FROM metrics GROUP BY {", ".join(SERIES)}, started
)
SELECT {", ".join(SERIES)},
       CASE WHEN bool_or(delta OR rising) THEN sum(value) ELSE arg_max(value, (time, value)) END AS value,
       CASE WHEN bool_or(delta OR rising) THEN sum(number) ELSE arg_max(number, (time, number)) END AS number,
       min(started) AS started, max(time) AS time
FROM runs GROUP BY {", ".join(SERIES)}
"""
# When a counter began anew: its process was started again under the name that it had. Others may have run in between,
# and what the earlier run did after it was read the last time is not counted. Counters that differ by other attributes
# begin one after the other in one run, and all are read to its end. Readings say that, and not starts: the next run may
# be on a machine whose clock is behind.
RESTARTS = f"""
CREATE TABLE restarts AS
SELECT instance, started AS time, max(counted_until) AS counted_until
FROM (
    SELECT instance, started, counted_from, lag(started) OVER run AS previous,
           lag(counted_until) OVER run AS counted_until
    FROM (
        SELECT {", ".join(SERIES)}, started, min(time) AS counted_from, max(time) AS counted_until FROM metrics
        WHERE rising AND NOT coalesce(delta, false) AND started > 0 GROUP BY ALL) AS r
    WINDOW run AS (PARTITION BY {", ".join(SERIES)} ORDER BY started)) AS s
WHERE started > previous AND counted_from > counted_until GROUP BY instance, started
"""
EPOCHS = """
CREATE TABLE epochs AS
SELECT destination, count(DISTINCT server) = 1 AS one FROM operations WHERE destination IS NOT NULL GROUP BY destination
"""
# How far each member of a group came in a partition, in the order of offsets.
AROUND = """
CREATE TABLE around AS
SELECT consumer_group, destination, partition_id, message_offset, arg_max(instance, started) AS instance,
       bool_or(outcome = 'ok') AS finished, min(started) AS started, max(ended) AS ended, count(*) AS attempts
FROM works WHERE message_offset IS NOT NULL AND partition_id IS NOT NULL
GROUP BY ALL
"""
# How long a message takes from its sending until it is processed, except for one in a thousand.
TRIPS = """
CREATE TABLE trips AS
WITH trip AS (
    SELECT s.destination AS sent_to, p.destination AS read_from,
           coalesce(min(p.ended) FILTER (p.outcome = 'ok'), min(p.ended)) - min(s.started) AS taken
    FROM works p JOIN sends s ON s.span_id = p.origin_span AND s.trace_id = p.origin_trace
    GROUP BY s.span_id, s.destination, p.destination, p.consumer_group
)
SELECT destination, quantile_cont(taken, 0.999) AS taken FROM (
    SELECT sent_to AS destination, taken FROM trip
    UNION ALL SELECT read_from, taken FROM trip WHERE read_from IS DISTINCT FROM sent_to)
WHERE destination IS NOT NULL GROUP BY destination
"""
# Of two machines whose clocks may differ, by how much at most the reader's is ahead: the shortest time between a
# sending and its first attempt. A broadcast has a first attempt for each of its readers. Where no machine is named,
# each process counts as one.
APART = """
CREATE TABLE apart AS
WITH delivery AS (
    SELECT arg_min(coalesce(w.host, w.instance), w.started) AS host, max(coalesce(s.host, s.instance)) AS sender_host,
           min(w.started) - max(s.ended) AS waiting
    FROM works w JOIN sends s ON s.span_id = w.origin_span AND s.trace_id = w.origin_trace
    WHERE s.outcome = 'ok' AND coalesce(w.deliveries, 0) = 0 AND NOT coalesce(w.redelivered, false)
    GROUP BY s.trace_id, s.span_id, w.destination, w.consumer_group
)
SELECT host, sender_host, min(waiting) AS least FROM delivery WHERE host <> sender_host
GROUP BY host, sender_host
"""
# How long a message may take to a destination before it counts as missing: a queue that is read once an hour, or by a
# machine whose clock is ahead, says nothing of the others.
GRACES = f"""
CREATE TABLE graces AS
SELECT d.destination,
       CASE WHEN ? THEN coalesce(greatest({TRIPS_OF_GRACE} * t.taken, ?), s.grace) ELSE s.grace END AS grace
FROM (SELECT DISTINCT destination FROM operations WHERE destination IS NOT NULL) d
CROSS JOIN settings s LEFT JOIN trips t USING (destination)
"""
# Attempts at messages that may have been handled more than once; messages of different creations that were given one
# place, by two clusters or a topic made anew, are different messages. Each has the attempt before it and, as
# `finished`, the end of the last earlier attempt that succeeded, and as `ended_well` of one that failed in nothing.
ATTEMPTS = """
CREATE VIEW attempts AS
SELECT w.*,
       lag(w.started) OVER attempt AS previous_started, lag(w.ended) OVER attempt AS previous_ended,
       lag(w.instance) OVER attempt AS previous_instance, lag(w.host) OVER attempt AS previous_host,
       lag(w.trace_id) OVER attempt AS previous_trace, lag(w.span_id) OVER attempt AS previous_span,
       max(w.ended) FILTER (w.outcome = 'ok')
           OVER (attempt ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS finished,
       max(w.ended) FILTER (w.outcome = 'ok' AND NOT w.unacked)
           OVER (attempt ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended_well
FROM works w
WHERE (w.message_offset IS NULL AND w.origin_span IS NOT NULL) OR EXISTS (
    SELECT 1 FROM around r
    WHERE r.attempts > 1 AND r.consumer_group IS NOT DISTINCT FROM w.consumer_group AND r.destination = w.destination
      AND r.partition_id = w.partition_id AND r.message_offset = w.message_offset)
WINDOW attempt AS (
    PARTITION BY w.system, w.destination, w.consumer_group, w.message, w.replica,
                 CASE WHEN w.linked THEN w.origin_trace || w.origin_span END
    ORDER BY w.started, w.span_id)
"""
STATEMENTS = (
    *WATERMARKS, SENDS, conduct.REJECTED, conduct.UNACKED, conduct.COPIED, WORKS, conduct.COMMITS, HANDOVERS, SERVICES,
    PROCESSES, READINGS, RESTARTS, *completeness.STATEMENTS, EPOCHS, AROUND, ATTEMPTS, TRIPS, APART,
    *conduct.STATEMENTS,
)  # fmt: skip
# Those of single messages, which only gates and checks of one destination use; and all others, which are few rows, or
# of which few columns are asked for.
OF_MESSAGES = (AROUND, ATTEMPTS)
OF_ALL = tuple(one.replace("TEMP TABLE works", "VIEW works") for one in STATEMENTS if one not in OF_MESSAGES)
# What a bucket of destinations makes of its own rows, where it has all other tables already.
LOCAL = (SENDS, WORKS, conduct.COMMITS, HANDOVERS, conduct.SET_ASIDE, *OF_MESSAGES)


@dataclass(frozen=True)
class Period:
    """The time from the first span to the last, in nanoseconds since 1970; 0 if there are no spans."""

    first: int
    last: int


def prepare(tables: Tables, settings: Bounds, statements: Iterable[str] = STATEMENTS) -> Period:
    """Make the views and tables that checks and gates use, and return the time that the spans cover."""
    for statement in statements:
        tables.execute(statement)
    shortest = _shortest_grace_seconds(tables)
    # Without a trip to a destination, those to most others tell how long one may take.
    trip = tables.one("SELECT quantile_cont(taken, 0.9) FROM trips")
    row = settings.row(max(TRIPS_OF_GRACE * (trip or 0) / SECOND, shortest))
    types = {name: "DOUBLE" if isinstance(value, float) else "BIGINT" for name, value in row.items()}
    tables.execute(f"CREATE TABLE settings ({', '.join(f'{name} {kind}' for name, kind in types.items())})")
    tables.execute(f"INSERT INTO settings VALUES ({', '.join('?' * len(row))})", *row.values())
    tables.execute(GRACES, settings.grace is None, round(shortest * SECOND))
    prediction.prepare(tables, settings)
    first, last = tables.ask("SELECT coalesce(min(started), 0), coalesce(max(ended), 0) FROM operations")[0]
    return Period(first, last)


def _shortest_grace_seconds(tables: Tables) -> float:
    """Return how long telemetry may be on its way: twice the metrics' interval and a batch's delay."""
    interval = tables.one(
        """SELECT median(gap) FROM (SELECT time - lag(time) OVER (PARTITION BY instance ORDER BY time) AS gap
           FROM (SELECT DISTINCT instance, time FROM metrics))"""
    )
    return max(2 * (interval or 0) / SECOND + BATCH_DELAY_SECONDS, SHORTEST_GRACE_SECONDS)
