"""Limits telemetry that was read to some services and to a time, so that nothing looks missing that was left out."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError, watermarks
from otel_eda.diagnosis.settings import SECOND

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from otel_eda.diagnosis.store import Store

MOST_NAMES = 20  # of services, in a line
SERVICES = "SELECT service FROM operations UNION SELECT service FROM metrics UNION SELECT service FROM events"
# Spans and counts of a destination are compared, so all of a destination stays that a service sends to or reads from;
# so do the whole traces of all of these.
CHOSEN = "CREATE TEMP TABLE chosen AS SELECT unnest(?) AS service"
PLACES = """
CREATE TEMP TABLE chosen_places AS
SELECT DISTINCT destination FROM operations SEMI JOIN chosen USING (service) WHERE destination IS NOT NULL
"""
TRACES = """
CREATE TEMP TABLE chosen_traces AS
SELECT DISTINCT trace_id FROM operations
WHERE service IN (FROM chosen) OR destination IN (FROM chosen_places)
"""
LINKED_TRACES = """
INSERT INTO chosen_traces
SELECT o.trace_id FROM operations o SEMI JOIN chosen_traces t ON t.trace_id = o.origin_trace
UNION SELECT o.origin_trace FROM operations o SEMI JOIN chosen_traces t ON t.trace_id = o.trace_id
"""
OTHERS = (
    "DELETE FROM operations WHERE trace_id NOT IN (FROM chosen_traces)",
    """DELETE FROM events WHERE service NOT IN (FROM chosen)
       AND coalesce(trace_id NOT IN (SELECT trace_id FROM chosen_traces WHERE trace_id IS NOT NULL), true)""",
    """DELETE FROM metrics WHERE service NOT IN (FROM chosen) AND NOT EXISTS (
           SELECT 1 FROM chosen_places p
           WHERE metrics.destination = p.destination OR starts_with(metrics.destination, p.destination || ':'))""",
    *(f"DROP TABLE {name}" for name in ("chosen", "chosen_places", "chosen_traces")),
)
OUTSIDE = (
    "DELETE FROM operations WHERE ended < $1 OR started > $2",
    "DELETE FROM events WHERE time NOT BETWEEN $1 AND $2",
)
EARLIEST, LATEST = 0, 2**63 - 1


@dataclass(frozen=True)
class Selection:
    """Some services, or all if none is named, and a time, of which either end may be open."""

    services: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since >= self.until:
            raise UnusableError("--since must be before --until")

    def apply(self, store: Store) -> None:
        """Delete from a store what is not selected; raises `UnusableError` if a service or all is not there."""
        check(self.services, {row[0] for row in store.ask(SERVICES)}, "")
        if self.services:
            _keep_services(store, self.services)
        if self.since or self.until:
            _keep_time(store, _nanoseconds(self.since, EARLIEST), _nanoseconds(self.until, LATEST))
            if not store.one("SELECT count(*) FROM operations") and not store.one("SELECT count(*) FROM metrics"):
                raise UnusableError("there is no telemetry of that time; --since and --until say which")


def check(services: Collection[str], there: Collection[str], where: str) -> None:
    """Raise `UnusableError` if one of some services is not among those that are there."""
    for name in services:
        if name not in there:
            likely = [*get_close_matches(name, there, MOST_NAMES, 0.5), *sorted(filter(None, there))]
            names = ", ".join(list(dict.fromkeys(likely))[:MOST_NAMES])
            raise UnusableError(f"{where}there is no service {name}; there is {names or 'none at all'}")


def _nanoseconds(time: datetime | None, otherwise: int) -> int:
    return round(time.timestamp() * SECOND) if time else otherwise


def _keep_services(store: Store, services: Sequence[str]) -> None:
    store.connection.execute(CHOSEN, [list(services)])
    for statement in (PLACES, TRACES, LINKED_TRACES, *OTHERS):
        store.connection.execute(statement)


def _keep_time(store: Store, since: int, until: int) -> None:
    store.connection.execute(OUTSIDE[0], [since, until])
    store.connection.execute(OUTSIDE[1], [since, until])
    watermarks.limit(store, since, until)
