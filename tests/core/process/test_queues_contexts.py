"""Which context is current in the threads and tasks between which messages go by queues."""

from __future__ import annotations

import asyncio
import gc
import queue as standard
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage, context, trace
from support.spans import current, ids

from core.common import EXACT, iterated
from core.tinyqueue import AsyncConsumer, Consumer, Queue
from otel_eda.core.process.processing import Processing

if TYPE_CHECKING:
    from support.recorder import Recorder

MANY = 1200  # more than the interpreter recurses


def many() -> Queue:
    """Return a queue with many messages."""
    queue = Queue()
    queue.fill("orders", *range(MANY))
    return queue


def alive() -> set[int]:
    """Return the processings that there are; an earlier test's log may hold some."""
    gc.collect()
    return {id(one) for one in gc.get_objects() if isinstance(one, Processing)}


def test_a_thread_that_is_faster_than_the_loop(recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    before = alive()

    def work() -> None:
        while inbox.get() is not None:
            inbox.task_done()

    worker = threading.Thread(target=work)
    worker.start()
    for message in Consumer(many(), "orders"):
        inbox.put(message)
        inbox.join()
    inbox.put(None)
    worker.join()
    del message
    assert current() == (0, 0)
    assert alive() <= before
    assert len(recorder.processes(MANY)) == MANY


def test_a_task_that_is_faster_than_the_loop(recorder: Recorder) -> None:
    async def work(inbox: asyncio.Queue[Any]) -> None:
        while await inbox.get() is not None:
            inbox.task_done()

    async def run() -> None:
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        worker = asyncio.create_task(work(inbox))
        async for message in AsyncConsumer(many(), "orders"):
            await inbox.put(message)
            await inbox.join()
        assert current() == (0, 0)
        worker.cancel()

    before = alive()
    asyncio.run(run())
    assert alive() <= before
    assert len(recorder.processes(MANY)) == MANY


def test_a_message_that_another_thread_ends(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        closing = threading.Thread(target=consumer.close)
        closing.start()
        closing.join()
        break
    assert current() == (0, 0)
    assert len(recorder.processes(1)) == 1


def test_what_the_application_has_made_current_stays(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    tracer = trace.get_tracer("application", tracer_provider=recorder.tracer_provider)

    def work() -> None:
        for _ in range(3):
            inbox.get()
            with tracer.start_as_current_span("handle") as span:
                token = context.attach(baggage.set_baggage("tenant", "one"))
                inbox.task_done()
                assert trace.get_current_span() is span
                assert baggage.get_baggage("tenant") == "one"
                context.detach(token)
        inbox.put(None)
        inbox.get()
        seen.append(current())

    seen: list[Any] = []
    for message in iterated(queue):
        inbox.put(message)
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert seen == [(0, 0)]
    assert len(recorder.processes(3)) == 3


def test_a_function_that_ends(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    consumer = Consumer(queue, "orders")
    for message in consumer:
        inbox.put(message)
    seen: list[Any] = []

    def handle_one() -> None:
        inbox.get()
        seen.append(current())

    for _ in range(3):
        handle_one()
        assert current() == (0, 0)
    del message
    consumer.close()
    assert seen == ([ids(span) for span in recorder.processes(3)] if EXACT else [(0, 0)] * 3)
