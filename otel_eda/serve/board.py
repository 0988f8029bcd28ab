"""Adds up the last minute: who sends where and who processes it, how often, how long it takes and how long it waits.

Of spans there are counts by duration, in slots of a few seconds; of metrics the readings that `otel-eda top` shows.
"""

from __future__ import annotations

import heapq
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from otel_eda import semconv
from otel_eda.diagnosis.duck import duckdb
from otel_eda.diagnosis.exported import literal
from otel_eda.diagnosis.settings import SECOND
from otel_eda.diagnosis.store import UNDRAWN
from otel_eda.live.aggregates import SHOWN, Aggregates, Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .merging import Config
    from .parts import ParquetPart

CONFIG: Config = {"memory_limit": "200MB", "temp_directory": "", "threads": 1}
MINUTE = 60.0
LEAST_SECONDS = 5.0  # that a rate is of
SLOT = 5 * SECOND
SEND_SECONDS = 900  # that a send is remembered, for the queue time of its message
MOST_SENDS = 1_000_000
COMPACTED_PARTS = 30  # after which the tables are compressed: rows that were deleted take room until then
EDGE_SECONDS = 1800.0  # that an edge is shown of which nothing comes any more
MOST_EDGES = 10_000  # that are known; the latest stay
SETUP = (
    "CREATE TABLE sends (key UBIGINT, ended BIGINT)",
    """CREATE TABLE recent (slot BIGINT, type VARCHAR, service VARCHAR, system VARCHAR, destination VARCHAR,
       consumer_group VARCHAR, measure VARCHAR, bucket INTEGER, number BIGINT, errors BIGINT)""",
    "CREATE MACRO bucket(t) AS floor(8 * log2(greatest(t, 1000) / 1000.0))::INTEGER",
    "CREATE MACRO middle(b) AS 2.0 ** ((b + 0.5) / 8) / 1e6",
)
NEW_SENDS = """
INSERT INTO sends
SELECT hash(origin_trace, origin_span), ended FROM read_parquet(?) WHERE type = 'send' AND ended > ?
"""
OLD_SENDS = (
    "DELETE FROM sends WHERE ended <= ?",
    f"""DELETE FROM sends WHERE (SELECT count(*) FROM sends) > {MOST_SENDS}
        AND ended < (SELECT median(ended) FROM sends)""",
)
NEW_ROWS = f"""
INSERT INTO recent
WITH operation AS (
    SELECT type, service, system, destination, consumer_group, outcome, started, ended, message_time,
           CASE WHEN type = 'process' THEN hash(origin_trace, origin_span) END AS key
    FROM read_parquet(?)
    WHERE type IN ('send', 'process') AND destination IS NOT NULL AND continued IS DISTINCT FROM true AND ended > ?
), sent AS (
    SELECT key, min(ended) AS sent FROM sends WHERE key IN (SELECT key FROM operation) GROUP BY key
), timed AS (
    SELECT o.*, CASE WHEN type = 'process' THEN greatest(started - coalesce(s.sent, message_time), 0) END AS queued
    FROM operation o LEFT JOIN sent s USING (key)
)
SELECT ended // {SLOT}, type, service, system, destination, consumer_group, 'took', bucket(ended - started),
       count(*), count(*) FILTER (outcome = 'error')
FROM timed GROUP BY ALL
UNION ALL
SELECT ended // {SLOT}, type, service, system, destination, consumer_group, 'queued', bucket(queued), count(*), 0
FROM timed WHERE queued IS NOT NULL GROUP BY ALL
"""
EDGES = """
SELECT type, service, destination, consumer_group, any_value(system), max(ended) / 1e9 FROM read_parquet(?)
WHERE type IN ('send', 'process') AND destination IS NOT NULL GROUP BY ALL
"""
FLOWS = """
WITH counted AS (
    SELECT type, service, any_value(system) AS system, destination, consumer_group, measure, bucket,
           sum(number) AS number, sum(errors) AS errors
    FROM recent WHERE slot > ? GROUP BY type, service, destination, consumer_group, measure, bucket
), ranked AS (
    SELECT *, sum(number) OVER (edge ORDER BY bucket) AS upto, sum(number) OVER edge AS whole
    FROM counted WINDOW edge AS (PARTITION BY type, service, destination, consumer_group, measure)
)
SELECT type, service, any_value(system), destination, consumer_group,
       coalesce(sum(number) FILTER (measure = 'took'), 0)::BIGINT,
       coalesce(sum(errors) FILTER (measure = 'took'), 0)::BIGINT,
       middle(min(bucket) FILTER (measure = 'took' AND upto >= 0.5 * whole)),
       middle(min(bucket) FILTER (measure = 'took' AND upto >= 0.95 * whole)),
       middle(min(bucket) FILTER (measure = 'queued' AND upto >= 0.5 * whole)),
       middle(min(bucket) FILTER (measure = 'queued' AND upto >= 0.95 * whole))
FROM ranked GROUP BY type, service, destination, consumer_group
"""
READINGS = f"""
SELECT name, service, instance, destination, consumer_group, error, partition_id, operation, event_type, function,
       CASE WHEN number IS NULL THEN value ELSE number END, time, CASE WHEN number IS NULL THEN 0 ELSE value END,
       coalesce(delta, false)
FROM read_parquet(?) WHERE name IN ({", ".join(f"'{name}'" for name in sorted(SHOWN))}) AND value IS NOT NULL
ORDER BY time
"""
LABELS = (
    semconv.DESTINATION,
    semconv.GROUP,
    semconv.ERROR_TYPE,
    semconv.PARTITION,
    semconv.OPERATION,
    semconv.EVENT_TYPE,
    semconv.FUNCTION,
)


class EdgeKey(NamedTuple):
    """Who sends to a destination, or who processes its messages, and for which group."""

    type: str
    service: str
    destination: str
    group: str | None


@dataclass
class Flow:
    """What went over an edge in the last minute; times in seconds."""

    system: str | None
    number: int = 0
    errors: int = 0
    p50: float | None = None
    p95: float | None = None
    queue_p50: float | None = None
    queue_p95: float | None = None


class Board:
    """The sums of the last minute of telemetry, by the clock of the telemetry itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.aggregates = Aggregates(clock)
        self.lock = threading.Lock()
        self.connection = duckdb.connect(config=CONFIG)
        for statement in (UNDRAWN, *SETUP):
            self.connection.execute(statement)
        self.taken = 0  # parts
        self.latest = self.first = 0.0  # the last and the first time in telemetry
        self.arrived = clock()
        self.seen: dict[EdgeKey, tuple[float, str | None]] = {}

    def now(self) -> float:
        """Return what the clock of the telemetry shows now, in seconds since 1970; our own if there is none."""
        if not self.latest:
            return time.time()
        return self.latest + self.clock() - self.arrived

    def take(self, part: ParquetPart) -> None:
        """Add a part."""
        with self.lock:
            if "operations" in part.files:
                self._advance(part)
                self._spans(literal(part.files["operations"]))
        if "metrics" in part.files:
            self.aggregates.take(self._points(part.files["metrics"]))

    def flows(self) -> dict[EdgeKey, Flow]:
        """Return all edges that are known, with what went over them in the last minute."""
        with self.lock:
            now = self.now()
            rows = self.connection.execute(FLOWS, [int((now - MINUTE) * SECOND // SLOT)]).fetchall()
            self.seen = {key: known for key, known in self.seen.items() if known[0] > now - EDGE_SECONDS}
            flows = {key: Flow(system) for key, (_, system) in self.seen.items()}
        for type_, service, system, destination, group, *numbers in rows:
            key = EdgeKey(type_, service, destination, group)
            if key in flows:
                flows[key] = Flow(system, *numbers)
        return flows

    def seconds(self) -> float:
        """Return the length of time that the counts of a flow are of."""
        return min(max(self.now() - self.first, LEAST_SECONDS), MINUTE)

    def _advance(self, part: ParquetPart) -> None:
        latest = part.ended / SECOND
        if latest > self.now() or not self.latest:
            self.latest, self.arrived = latest, self.clock()
        self.first = self.first or max(part.since / SECOND, self.latest - MINUTE)

    def _spans(self, file: str) -> None:
        oldest_send = int((self.now() - SEND_SECONDS) * SECOND)
        oldest = int((self.now() - MINUTE) * SECOND) - SLOT
        edges = self.connection.execute(EDGES, [file]).fetchall()
        new = {EdgeKey(*key): (last, system) for *key, system, last in edges}
        seen = {**self.seen, **new}
        if len(seen) > MOST_EDGES:
            seen = dict(heapq.nlargest(MOST_EDGES, seen.items(), key=lambda item: item[1][0]))
        self.seen = seen  # another one, since others may go through it
        self.connection.execute(NEW_SENDS, [file, oldest_send])
        self.connection.execute(NEW_ROWS, [file, oldest])
        self.connection.execute(OLD_SENDS[0], [oldest_send])
        self.connection.execute(OLD_SENDS[1])
        self.connection.execute("DELETE FROM recent WHERE slot < ?", [oldest // SLOT])
        self.taken += 1
        if self.taken % COMPACTED_PARTS == 0:
            self.connection.execute("CHECKPOINT")

    def _points(self, path: Path) -> Iterator[Point]:
        with self.lock:
            rows = self.connection.execute(READINGS, [literal(path)]).fetchall()
        for name, service, instance, *labels, value, at, total, delta in rows:
            attributes = {label: text for label, text in zip(LABELS, labels, strict=True) if text is not None}
            yield Point(name, service, instance, attributes, value, at / SECOND, total, delta)
