"""Limits telemetry that was read to what is selected, so that nothing looks missing that was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import UnusableError, watermarks
from .settings import SECOND
from .sources.selection import check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .sources.selection import Selection
    from .store import Store

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
WHERE o.origin_trace IS NOT NULL
"""
OTHERS = (
    "DELETE FROM operations WHERE trace_id NOT IN (FROM chosen_traces)",
    """DELETE FROM events WHERE service NOT IN (FROM chosen)
       AND coalesce(trace_id NOT IN (FROM chosen_traces), true)""",
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


def apply(store: Store, selection: Selection) -> None:
    """Delete from a store what is not selected; raises `UnusableError` if a service or everything is not there."""
    check(selection.services, {row[0] for row in store.ask(SERVICES)}, "")
    if selection.services:
        _keep_services(store, selection.services)
    if selection.since or selection.until:
        _keep_time(store, _nanoseconds(selection.since, EARLIEST), _nanoseconds(selection.until, LATEST))
        if not store.one("SELECT count(*) FROM operations") and not store.one("SELECT count(*) FROM metrics"):
            raise UnusableError("there is no telemetry of that time; --since and --until say which")


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
