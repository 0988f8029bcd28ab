"""How the processing of a message ends that workers get from queues: done, failed, or nobody knows."""

from __future__ import annotations

import asyncio
import queue as standard
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import current, ids

from core.common import ABANDONED, DONE, EXACT, iterated, outcome
from core.tinyqueue import Consumer, Queue
from otel_eda.core.process import unwinding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.recorder import Recorder


def put(messages: Iterable[Any], *inboxes: Any) -> None:
    """Put every message into every queue."""
    for message in messages:
        for inbox in inboxes:
            inbox.put(message)


def run(*functions: Callable[[], object]) -> None:
    """Run each function in a thread of its own, one after the other; what it raises ends the thread."""
    for function in functions:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(function).exception()


def outcomes(recorder: Recorder, number: int = 3) -> list[object]:
    """Return how so many messages ended."""
    return [outcome(span) for span in recorder.processes(number)]


def fails_with(inbox: Any) -> None:
    """Get a message and fail."""
    inbox.get()
    try:
        raise ValueError
    finally:
        inbox.task_done()


def test_another_queue_is_empty(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    control: standard.Queue[Any] = standard.Queue()

    def work() -> None:
        for _ in range(3):
            _message = inbox.get_nowait()
            with pytest.raises(standard.Empty):
                control.get_nowait()
            inbox.task_done()

    put(iterated(queue), inbox)
    run(work)
    assert outcomes(recorder) == [DONE] * 3


def test_a_function_that_fetches(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    control: standard.Queue[Any] = standard.Queue()
    seen: list[Any] = []

    def fetch(source: standard.Queue[Any]) -> Any:
        message = source.get(timeout=0.01)
        return message  # noqa: RET504

    def work() -> None:
        for number in range(3):
            fetch(inbox)
            seen.append(current())
            with pytest.raises(standard.Empty):
                fetch(control)
            if number == 2:
                raise ValueError
            inbox.task_done()

    consumer = Consumer(queue, "orders")
    put(consumer, inbox)
    run(work)
    consumer.close()
    spans = recorder.processes(3)
    assert [outcome(span) for span in spans] == [DONE, DONE, "ValueError" if EXACT else ABANDONED]
    assert seen == ([ids(span) for span in spans] if EXACT else [(0, 0)] * 3)


def test_a_function_that_asks_for_the_next(queue: Queue, recorder: Recorder) -> None:
    def fetch(messages: Any) -> Any:
        return next(messages)

    messages, others = iter(Consumer(queue, "orders")), iter(Consumer(Queue(), "orders"))
    for _ in range(3):
        fetch(messages)
        with pytest.raises(StopIteration):
            fetch(others)
    with pytest.raises(StopIteration):
        fetch(messages)
    assert outcomes(recorder) == [DONE] * 3


def test_stages(queue: Queue, recorder: Recorder) -> None:
    first: standard.Queue[Any] = standard.Queue()
    second: standard.Queue[Any] = standard.Queue()

    def hand_on() -> None:
        while (message := first.get()) is not None:
            second.put(message)
            first.task_done()

    put(iterated(queue), first)
    first.put(None)
    run(hand_on, *[lambda: fails_with(second)] * 3)
    assert outcomes(recorder) == ["ValueError"] * 3


def test_two_queues_of_which_one_fails(queue: Queue, recorder: Recorder) -> None:
    first: standard.Queue[Any] = standard.Queue()
    second: standard.Queue[Any] = standard.Queue()

    def work() -> None:
        for _ in range(3):
            first.get()
            first.task_done()

    put(iterated(queue), first, second)
    run(work, *[lambda: fails_with(second)] * 3)
    assert outcomes(recorder) == ["ValueError"] * 3


def test_a_message_that_is_put_back(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    tried: list[Any] = []

    def work() -> None:
        while len(tried) < 6:
            message = inbox.get()
            tried.append(message.offset)
            if len(tried) <= 3:
                inbox.put(message)
            elif len(tried) == 6:
                with pytest.raises(ValueError):  # noqa: PT011
                    raise ValueError
            inbox.task_done()

    put(iterated(queue), inbox)
    run(work)
    assert outcomes(recorder) == [DONE] * 3


def test_two_queues_of_one_worker(recorder: Recorder) -> None:
    number = 300
    high: standard.Queue[Any] = standard.Queue()
    low: standard.Queue[Any] = standard.Queue()
    messages = Queue()
    messages.fill("orders", *range(number))
    for place, message in enumerate(Consumer(messages, "orders")):
        (high if place % 2 else low).put(message)
        del message
    high.put(None)
    low.put(None)
    watched: list[int] = []

    def work() -> None:
        for place in range(number + 2):
            (high if place % 2 else low).get()
            watched.append(max(map(len, unwinding._watches_by_frame.values()), default=0))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert outcomes(recorder, number) == [DONE] * number
    assert max(watched) <= 1
    assert not unwinding._watches_by_frame


@pytest.mark.parametrize("polls", [False, True])
def test_a_batch_that_is_not_written(polls: bool, queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()

    def work() -> None:
        batch = [inbox.get()]
        while len(batch) < 3:
            batch.append(inbox.get_nowait())
        raise ValueError

    consumer = Consumer(queue, "orders")
    put(consumer.poll()["orders"] if polls else consumer, inbox)
    run(work)
    consumer.close()
    assert outcomes(recorder) == [ABANDONED, ABANDONED, "ValueError" if EXACT else ABANDONED]


@pytest.mark.parametrize("tells", [False, True])
def test_a_batch_that_is_written(tells: bool, queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()

    def work() -> None:
        batch = [inbox.get()]
        while len(batch) < 3:
            batch.append(inbox.get())
        for _ in batch if tells else ():
            inbox.task_done()
        batch.clear()
        inbox.get()
        inbox.get()

    put(iterated(queue), inbox)
    put([None, None], inbox)
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert outcomes(recorder) == [DONE] * 3


async def in_a_task(inbox: asyncio.Queue[Any]) -> Any:
    """Get what comes by a task of its own."""
    getting = asyncio.create_task(inbox.get())
    await asyncio.wait({getting})
    return getting.result()


@pytest.mark.parametrize("waits", [lambda inbox: asyncio.wait_for(inbox.get(), 5), in_a_task])
def test_tasks_that_get_messages_elsewhere(waits: Any, queue: Queue, recorder: Recorder) -> None:
    async def work(inbox: asyncio.Queue[Any], fails: bool) -> None:
        while True:
            await waits(inbox)
            await asyncio.sleep(0.02 if fails else 0.001)
            if fails:
                raise ValueError

    consumer = Consumer(queue, "orders")

    async def consume() -> None:
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        workers = [asyncio.create_task(work(inbox, fails)) for fails in (True, False)]
        for message in consumer:
            await inbox.put(message)
            del message
            await asyncio.sleep(0.003)
        await asyncio.wait(workers, timeout=0.05)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    asyncio.run(consume())
    consumer.close()
    assert outcomes(recorder)[0] in {ABANDONED, "ValueError"}


def test_a_pool_whose_workers_fail(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()

    def handle() -> None:
        inbox.get()
        raise ValueError

    consumer = Consumer(queue, "orders")
    put(consumer, inbox)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            assert pool.submit(handle).exception()
    consumer.close()
    assert outcomes(recorder) == ["ValueError" if EXACT else ABANDONED] * 3


def test_refusals_are_those_of_the_library(recorder: Recorder) -> None:  # switches otel-eda on
    with pytest.raises(TypeError, match="'item'"):
        standard.Queue().put()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        standard.Queue.get()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        asyncio.Queue().get(1)  # type: ignore[call-arg,unused-coroutine]
