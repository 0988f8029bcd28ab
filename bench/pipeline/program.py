"""The program that is measured: `program.py CLIENT WAY ADDRESS DESTINATION CONTENDER CONFIGURATION`.

It sends or handles as many messages as a line says, flushes, and answers by what that took. It is started by whatever
switches its telemetry on; only by hand does it know of any.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.clients import LIBRARIES
from bench.contenders import BARE, HAND

from . import iterating
from .contenders import DATADOG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def flusher(who: str) -> Callable[[], object]:
    """Give what exports all that is left."""
    if who == BARE:
        return lambda: None
    if who == DATADOG:
        tracer: Any = import_module("ddtrace.trace").tracer
        flush: Callable[[], object] = tracer.flush
        return flush
    from opentelemetry import metrics, trace

    providers: tuple[Any, ...] = trace.get_tracer_provider(), metrics.get_meter_provider()
    flushes = [provider.force_flush for provider in providers if hasattr(provider, "force_flush")]
    return lambda: [flush() for flush in flushes]


def run(act: Callable[[int], object], flush: Callable[[], object], count: int) -> dict[str, float]:
    """Give the microseconds of processor time of each message, the flush included, and messages a second without it."""
    spent, start = time.process_time(), time.perf_counter()
    act(count)
    rate = count / (time.perf_counter() - start)
    flush()
    return {"spent": (time.process_time() - spent) / count * 1e6, "rate": rate}


def ended(act: Callable[[int], object], count: int) -> dict[str, float]:
    """Give the spans that end for each message, by the SDK's own account, after all has been measured."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

    seen: list[ReadableSpan] = []

    class Ended(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            seen.append(span)

    provider: Any = trace.get_tracer_provider()
    provider.add_span_processor(Ended())
    act(count)
    return {"spans": len(seen) / count}


def acting(arguments: Sequence[str]) -> Callable[[int], object]:
    """Give what sends or handles so many messages."""
    name, way, address, destination, who, config = arguments
    library, floor = LIBRARIES[name], None
    if who == HAND:
        from bench.clients.worker import floor as by_hand

        floor = by_hand(config, library, destination)
    made = iterating.Application if name == "aio_pika" else library.application
    act: Callable[[int], object] = getattr(made(address, destination, floor), way)
    return act


def main(*arguments: str) -> None:
    """Do as told."""
    act = acting(arguments)
    flush = flusher(arguments[-2])
    for line in sys.stdin:
        command, count = line.split()
        answer = ended(act, int(count)) if command == "ended" else run(act, flush, int(count))
        print(json.dumps(answer), flush=True)
    os._exit(0)  # what a client does at its end is not measured


if __name__ == "__main__":
    main(*sys.argv[1:])
