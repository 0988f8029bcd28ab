"""The spans of one event, across all traces that links join, and what is missing among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import Store

MOST_HOPS = 50  # an event may pass from trace to trace by links; a loop must end


@dataclass(frozen=True)
class Span:
    """One span of an event, and the span that caused it; times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    cause: str | None
    service: str
    name: str
    type: str | None
    destination: str | None
    group: str | None
    partition: str | None
    offset: int | None
    attempt: int
    started: int
    ended: int
    outcome: str
    error: str | None
    error_text: str | None


def find(store: Store, traces: list[str]) -> list[Span]:
    """Return the spans of some traces and of the traces that links join to them, by their start."""
    known: set[str] = set()
    found = set(traces)
    for _ in range(MOST_HOPS):
        known |= found
        found = _linked(store, found) - known
        if not found:
            break
    return _spans(store, sorted(known))


def _linked(store: Store, traces: set[str]) -> set[str]:
    rows = store.ask(
        """SELECT trace_id FROM operations WHERE linked AND list_contains($1, origin_trace)
           UNION SELECT origin_trace FROM operations WHERE linked AND list_contains($1, trace_id)""",
        sorted(traces),
    )
    return {row[0] for row in rows if row[0]}


def _spans(store: Store, traces: list[str]) -> list[Span]:
    rows = store.ask(
        """SELECT trace_id, span_id, CASE WHEN linked AND origin_trace <> trace_id THEN origin_span
                                         ELSE coalesce(parent_id, origin_span) END,
                  service, name, type, destination, consumer_group, partition_id, message_offset,
                  CASE WHEN type = 'process' THEN row_number() OVER (PARTITION BY type, destination, consumer_group,
                      origin_trace, origin_span ORDER BY started) ELSE 1 END,
                  started, ended, outcome, error, error_text
           FROM operations WHERE list_contains($1, trace_id) ORDER BY started, ended DESC, span_id""",
        traces,
    )
    return [Span(*row) for row in rows]


def missing(spans: list[Span]) -> list[str]:
    """Return a line for each span that should be there and is not."""
    here = {span.span_id for span in spans}
    processed = {span.cause for span in spans if span.type in {"process", "receive"}}
    lines = [
        f"the span {span.cause} that caused “{span.name}” of {span.service} is not here"
        for span in spans
        if span.cause and span.cause not in here
    ]
    lines += [
        f"no span shows who processed what {span.service} sent to {span.destination}"
        for span in spans
        if span.type == "send" and span.span_id not in processed
    ]
    return lines
