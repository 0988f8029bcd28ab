"""What the telemetry says in short: which traces are worth showing, and how each destination does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from otel_eda.diagnosis.reports.plain import plain

if TYPE_CHECKING:
    from otel_eda.diagnosis.store import Store

GAP = (0, 1, 0, 0)  # on the right only, so that the table fits a terminal of 80 columns
# A failed one, through most services, that failed furthest on its way.
TELLING = """
SELECT trace_id FROM (
    SELECT *, row_number() OVER (PARTITION BY trace_id ORDER BY started) AS place FROM operations
) GROUP BY trace_id ORDER BY bool_or(outcome = 'error') DESC, count(DISTINCT service) DESC,
    min(place) FILTER (outcome = 'error') DESC NULLS LAST, count(*) DESC, min(started) LIMIT 1
"""
SLOWEST = "SELECT trace_id FROM operations GROUP BY trace_id ORDER BY max(ended) - min(started) DESC LIMIT 1"
# A message waits from the broker's acknowledgement to the start of its processing; its consumer can be quicker than the
# acknowledgement's way back to the producer, and then nothing waited. An operation has failed if a handler in it has.
DESTINATIONS = """
WITH failed AS (
    SELECT DISTINCT trace_id, parent_id AS span_id FROM operations WHERE type = 'handle' AND outcome = 'error'
)
SELECT o.destination, count(*) FILTER (o.type = 'send'), count(*) FILTER (o.type = 'process'),
       count(*) FILTER (o.outcome IN ('error', 'unresolved') OR f.span_id IS NOT NULL),
       quantile_cont(o.ended - o.started, [0.5, 0.95]) FILTER (o.type = 'send'),
       quantile_cont(greatest(o.started - s.ended, 0), [0.5, 0.95]) FILTER (o.type = 'process' AND s.ended > 0),
       quantile_cont(o.ended - o.started, [0.5, 0.95]) FILTER (o.type = 'process')
FROM operations o LEFT JOIN failed f USING (trace_id, span_id)
LEFT JOIN operations s ON s.type = 'send' AND s.span_id = o.origin_span AND s.trace_id = o.origin_trace
WHERE o.type IN ('send', 'process') AND o.destination IS NOT NULL GROUP BY o.destination ORDER BY o.destination
"""


def telling(store: Store) -> str:
    """Return the id of the trace that tells most."""
    trace: str = store.one(TELLING)
    return trace


def slowest(store: Store) -> str:
    """Return the id of the trace that took longest from its first span's start to its last span's end."""
    trace: str = store.one(SLOWEST)
    return trace


def destinations(store: Store) -> Table:
    """Return a table with a row for each destination that was sent to or processed from."""
    drawn = Table(
        title="Destinations (times: p50 / p95 in ms)",
        title_style="bold",
        title_justify="left",
        box=SIMPLE,
        show_edge=False,
        padding=GAP,
    )
    drawn.add_column("destination", style="bold")
    for column in ("sent", "processed", "errors", "send", "queue", "process"):
        drawn.add_column(column, justify="right")
    for name, sent, processed, errors, *times in store.ask(DESTINATIONS):
        failed = Text(f"{errors}", "bold red" if errors else "dim")
        drawn.add_row(plain(name), f"{sent}", f"{processed}", failed, *map(_quantiles, times))
    return drawn


def _quantiles(nanoseconds: list[float] | None) -> str:
    return " / ".join(map(milliseconds, nanoseconds)) if nanoseconds else "-"


def milliseconds(nanoseconds: float) -> str:
    """Return a duration in milliseconds with about three significant digits."""
    value = nanoseconds / 1e6
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"
