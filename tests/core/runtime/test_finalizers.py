"""What the garbage collector finds is ended once it has come to its end: it runs in the middle of anything."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

import otel_eda
from core.tinyqueue import Consumer, Queue
from otel_eda.core.runtime import finalizers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.recorder import Recorder

    from otel_eda.core import Library


class Worker:
    """Refers to itself by the generator that it reads from: only the garbage collector finds it."""

    def __init__(self, queue: Queue) -> None:
        self.consumer = Consumer(queue, "orders")
        self.read, self.stream = 0, self.messages()

    def messages(self) -> Iterator[Any]:
        """Give the messages of the queue."""
        for message in self.consumer:
            self.read += 1
            yield message


@pytest.fixture
def by_hand() -> Iterator[None]:
    """Collect garbage only where a test does."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def filled(count: int) -> Queue:
    queue = Queue()
    queue.fill("orders", *range(count))
    return queue


@pytest.mark.usefixtures("library", "by_hand")
def test_what_it_finds_is_ended_by_the_next_operation(recorder: Recorder) -> None:
    next(Worker(filled(1)).stream)
    gc.collect()
    assert finalizers.left
    assert [span.name for span in recorder.open("process")] == ["process orders"]
    for _ in Consumer(filled(1), "orders"):
        assert not finalizers.left
    span, _ = recorder.processes(2, "orders")
    assert span.attributes is not None
    assert span.attributes["eda.process.abandoned"] is True


@pytest.mark.usefixtures("library", "by_hand")
def test_what_it_finds_is_ended_at_the_end_of_the_process(recorder: Recorder) -> None:
    next(Worker(filled(1)).stream)
    gc.collect()
    otel_eda.disable()
    assert len(recorder.processes(1, "orders")) == 1
    assert not finalizers.left
    assert finalizers._note not in gc.callbacks


@pytest.mark.usefixtures("library")
def test_what_is_dropped_otherwise_is_ended_at_once(recorder: Recorder) -> None:
    for _ in Consumer(filled(1), "orders"):
        break
    assert len(recorder.processes(1, "orders")) == 1


class _Holding(SpanProcessor):
    """Holds a lock while a span ends, as exporters do, and has the garbage collected in it."""

    def __init__(self) -> None:
        self.lock, self.stuck = threading.Lock(), 0

    def on_end(self, span: object) -> None:  # noqa: ARG002
        """Take the lock, unless this thread has it already."""
        if not self.lock.acquire(timeout=0.2):
            self.stuck += 1
            return
        try:
            gc.collect()
        finally:
            self.lock.release()


@pytest.mark.usefixtures("by_hand")
def test_no_span_ends_within_the_end_of_another(library: Library) -> None:
    processor, provider = _Holding(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    library.enable(provider, MeterProvider(shutdown_on_exit=False))
    finalizers.watch_collector()
    queue = filled(10)
    for _ in range(3):
        next(Worker(queue).stream)
        for _ in Consumer(queue, "orders"):
            break
    otel_eda.disable()
    assert processor.stuck == 0
