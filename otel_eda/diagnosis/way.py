"""One event's way: every step of it in its order, and what of it is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import Store

HOPS = 50  # an event may pass from trace to trace by links; a loop must end


@dataclass(frozen=True)
class Step:
    """One span of the way; times in nanoseconds since 1970."""

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


def find(store: Store, traces: list[str]) -> list[Step]:
    """Give the steps of some traces and of those they are linked with, by their start."""
    known: set[str] = set()
    wave = set(traces)
    for _ in range(HOPS):
        known |= wave
        wave = _linked(store, wave) - known
        if not wave:
            break
    return _steps(store, sorted(known))


def _linked(store: Store, traces: set[str]) -> set[str]:
    rows = store.ask(
        """SELECT trace_id FROM operations WHERE linked AND list_contains($1, origin_trace)
           UNION SELECT origin_trace FROM operations WHERE linked AND list_contains($1, trace_id)""",
        sorted(traces),
    )
    return {row[0] for row in rows if row[0]}


def _steps(store: Store, traces: list[str]) -> list[Step]:
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
    return [Step(*row) for row in rows]


def missing(steps: list[Step]) -> list[str]:
    """Say what ought to be there and is not."""
    here = {step.span_id for step in steps}
    caused = {step.cause for step in steps if step.type in {"process", "receive"}}
    said = [
        f"the span {step.cause} that caused “{step.name}” of {step.service} is not here"
        for step in steps
        if step.cause and step.cause not in here
    ]
    said += [
        f"nobody is seen to process what {step.service} sent to {step.destination}"
        for step in steps
        if step.type == "send" and step.span_id not in caused
    ]
    return said
