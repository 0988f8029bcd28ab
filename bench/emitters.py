"""`python -m bench.emitters`: what an event in the process costs, with one receiver that does nothing."""

from __future__ import annotations

import logging
import statistics
import time
from typing import TYPE_CHECKING, Any

import blinker
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind
from pyee.base import EventEmitter
from rich.console import Console
from rich.table import Table

import otel_eda

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, EVENTS = 30, 1000
EVENT = {"eda.event.type": "paid"}
RECEIVER = {**EVENT, "code.function.name": f"{__name__}.receive"}


def receive(_: object) -> None:
    """Do nothing."""


def by_hand(operation: str, emit: Callable[[], object], tracers: Any, meters: Any) -> Callable[[], None]:
    """Make what a careful engineer would write around one event: the same two spans and the same histogram."""
    tracer = tracers.get_tracer("by hand")
    duration = meters.get_meter("by hand").create_histogram("eda.handler.duration", "s")

    def event() -> None:
        dispatch = tracer.start_span(operation, None, SpanKind.INTERNAL, EVENT)
        outer = attach(trace.set_span_in_context(dispatch))
        start = time.time_ns()
        span = tracer.start_span("process paid", None, SpanKind.INTERNAL, RECEIVER, (), start)
        inner = attach(trace.set_span_in_context(span))
        emit()
        detach(inner)
        end = time.time_ns()
        span.end(end)
        duration.record((end - start) / 1e9, RECEIVER)
        detach(outer)
        dispatch.end()

    return event


def taken(event: Callable[[], object]) -> float:
    """Give the processor time of one event in microseconds."""
    start = time.thread_time()
    for _ in range(EVENTS):
        event()
    return (time.thread_time() - start) / EVENTS * 1e6


def measure(operation: str, emit: Callable[[], object]) -> dict[str, float]:
    """Let the contenders take turns; give the median of each."""
    tracers, meters = TracerProvider(), MeterProvider([InMemoryMetricReader()])
    hand = by_hand(operation, emit, tracers, meters)
    rounds: dict[str, list[float]] = {"library": [], "nothing records": [], "by hand": [], "ours": []}
    for _ in range(ROUNDS):
        rounds["library"].append(taken(emit))
        otel_eda.enable()
        rounds["nothing records"].append(taken(emit))
        otel_eda.disable()
        rounds["by hand"].append(taken(hand))
        otel_eda.enable(tracers, meters)
        rounds["ours"].append(taken(emit))
        otel_eda.disable()
    return {name: statistics.median(each) for name, each in rounds.items()}


def main() -> None:
    """Measure, and print the table."""
    logging.getLogger("otel_eda").setLevel(logging.ERROR)  # that spans go nowhere is what one contender is about
    signal, emitter = blinker.signal("paid"), EventEmitter()
    signal.connect(receive)
    emitter.on("paid", receive)
    contenders: dict[str, tuple[str, Callable[[], object]]] = {
        "blinker": ("send paid", lambda: signal.send(1)),
        "pyee": ("emit paid", lambda: emitter.emit("paid", 1)),
    }
    table = Table(
        "library", "alone", "nothing records", "by hand", "ours", "ours adds / by hand adds", title="µs an event"
    )
    for name, (operation, emit) in contenders.items():
        found = measure(operation, emit)
        added = {who: found[who] - found["library"] for who in ("by hand", "ours")}
        ratio = added["ours"] / added["by hand"]
        table.add_row(name, *(f"{value:.2f}" for value in found.values()), f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
