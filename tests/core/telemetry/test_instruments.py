"""Instruments count without loss, and observe what was counted."""

from __future__ import annotations

import sys
import threading
from typing import Any

from opentelemetry import metrics

from otel_eda.core.telemetry.instruments import Counter


class NoMeter(metrics.NoOpMeter):
    def __init__(self) -> None:
        super().__init__("none")
        self.callbacks: list[Any] = []

    def create_observable_counter(self, name: str, callbacks: Any = None, *_: Any, **__: Any) -> Any:
        self.callbacks += [callback for callback in callbacks if name]


def test_counting_loses_nothing_between_threads() -> None:
    meter = NoMeter()
    counter = Counter(meter, "name", "unit", "about")
    threads, each = 8, 20_000
    start = threading.Barrier(threads)

    def count() -> None:
        start.wait()
        for _ in range(each):
            counter.count_for({"a": 1}).number += 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=count) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    (observe,) = meter.callbacks
    (observation,) = observe(None)
    assert (observation.value, observation.attributes) == (threads * each, {"a": 1})


def test_what_was_never_counted_is_not_observed() -> None:
    meter = NoMeter()
    counter = Counter(meter, "name", "unit", "about")
    assert counter.count_for({"a": 1}) is counter.count_for({"a": 1})
    assert list(meter.callbacks[0](None)) == []
