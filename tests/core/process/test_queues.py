"""Messages that a loop puts into a queue of the process are processed by the worker that gets them from there."""

from __future__ import annotations

import asyncio
import gc
import queue as standard
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute, current, ids
from support.waiting import until

from core.common import ABANDONED, DONE, EXACT, iterated, outcome, polled
from core.tinyqueue import Consumer, Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.recorder import Recorder

Consume = "Callable[[Queue], Iterable[Record]]"


def work(inbox: standard.Queue[Any], handle: Callable[[Any], object], done: bool = True) -> None:
    """Handle what comes until a None comes."""
    while (item := inbox.get()) is not None:
        handle(item)
        if done:
            inbox.task_done()
        del item


def hand_on(
    messages: Iterable[Any],
    handle: Callable[[Any], object],
    done: bool = True,
    wrap: Callable[[Any], Any] = lambda it: it,
) -> None:
    """Put each message into a queue, from which a thread gets it once the loop is over."""
    inbox: standard.Queue[Any] = standard.Queue()
    for message in messages:
        inbox.put(wrap(message))
        del message
    inbox.put(None)
    worker = threading.Thread(target=work, args=(inbox, handle, done))
    worker.start()
    worker.join()


@pytest.mark.parametrize(("consume", "done"), [(iterated, True), (iterated, False), (polled, True)])
def test_the_span_goes_on_in_the_worker(consume: Any, done: bool, queue: Queue, recorder: Recorder) -> None:
    seen: list[Any] = []
    hand_on(consume(queue), lambda _: seen.append(current()), done)
    spans = recorder.processes(3)
    assert seen == [ids(span) for span in spans]
    assert [outcome(span) for span in spans] == [DONE] * 3
    assert all(attribute(span, "eda.process.wait") is not None for span in spans[:2])


def test_a_message_within_a_tuple(queue: Queue, recorder: Recorder) -> None:
    seen: list[Any] = []
    hand_on(iterated(queue), lambda _: seen.append(current()), wrap=lambda message: (1, message))
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_a_worker_that_fails(queue: Queue, recorder: Recorder) -> None:
    def fail(_: object) -> None:
        raise ValueError

    inbox: standard.Queue[Any] = standard.Queue()
    for message in iterated(queue):
        inbox.put(message)
    del message

    def worker() -> None:
        try:
            fail(inbox.get())
        finally:
            inbox.task_done()

    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011
            worker()
    assert [outcome(span) for span in recorder.processes(3)] == ["ValueError"] * 3


def test_a_worker_that_has_waited_since_before_the_first_message(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    seen: list[Any] = []
    worker = threading.Thread(target=work, args=(inbox, lambda _: seen.append(current())))
    worker.start()
    until(lambda: bool(inbox.not_empty._waiters), "a worker that waits", 10)  # type: ignore[attr-defined]
    for message in iterated(queue):
        inbox.put(message)
        inbox.join()
    inbox.put(None)
    worker.join()
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_messages_that_are_held_until_their_batch_is_over(recorder: Recorder) -> None:
    queue, held = Queue(), []
    queue.fill("orders", *range(20))
    inbox: standard.Queue[Any] = standard.Queue()
    worker = threading.Thread(target=work, args=(inbox, lambda _: None, False))
    worker.start()
    for message in Consumer(queue, "orders"):
        held.append(message)  # as a client does that has got all of them at once
        inbox.put(message)
    until(inbox.empty, "a worker that has got all", 10)
    held.clear()
    del message
    inbox.put("what asks for the next")
    inbox.put(None)
    worker.join()
    assert [outcome(span) for span in recorder.processes(20)] == [DONE] * 20


@pytest.mark.skipif(not EXACT, reason="nothing tells which exception left the worker")
def test_a_worker_that_does_not_say_that_it_is_done(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    for message in iterated(queue):
        inbox.put(message)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            fails_with(inbox)
    assert [outcome(span) for span in recorder.processes(3)] == ["ZeroDivisionError"] * 3


def fails_with(inbox: standard.Queue[Any]) -> None:
    if inbox.get():
        _ = 1 / 0


def test_what_nobody_gets_is_given_up(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    messages = iterated(queue)
    for message in messages:
        inbox.put(message)
        inbox.queue.clear()  # as at a revocation of its partition
    del message, messages
    gc.collect()
    assert [outcome(span) for span in recorder.processes(3)][:2] == [ABANDONED] * 2


def test_a_full_queue_takes_no_message(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue(1)
    inbox.put("it is full")
    for message in iterated(queue):
        with pytest.raises(standard.Full):
            inbox.put_nowait(message)
    spans = recorder.processes(3)
    assert [outcome(span) for span in spans] == [DONE] * 3
    assert [[event.name for event in span.events] for span in spans] == [["eda.process.not_queued"]] * 3


def test_who_is_interrupted_while_waiting_for_room_was_not_refused(queue: Queue, recorder: Recorder) -> None:
    class Interrupted(standard.Queue[Any]):
        def _put(self, item: Any) -> None:  # noqa: ARG002  # as in the standard library
            raise KeyboardInterrupt

    inbox = Interrupted()
    for message in iterated(queue):
        with pytest.raises(KeyboardInterrupt):
            inbox.put(message)
    assert [event.name for span in recorder.processes(3) for event in span.events] == []


def test_a_full_queue_that_takes_the_message_in_the_end(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue(1)
    for message in iterated(queue):
        inbox.put("it is full")
        with pytest.raises(standard.Full):
            inbox.put_nowait(message)
        inbox.get()
        inbox.put_nowait(message)
        inbox.get()
        inbox.task_done()
    assert [list(span.events) for span in recorder.processes(3)] == [[]] * 3


def test_another_queue_that_the_worker_uses_ends_nothing(queue: Queue, recorder: Recorder) -> None:
    other: standard.Queue[Any] = standard.LifoQueue()
    seen: list[Any] = []

    def handle(_: object) -> None:
        other.put("a connection")
        other.get()
        seen.append(current())

    hand_on(iterated(queue), handle)
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_tasks_of_one_loop(queue: Queue, recorder: Recorder) -> None:
    seen: list[Any] = []

    async def worker(inbox: asyncio.Queue[Any]) -> None:
        while True:
            _ = await inbox.get()
            await asyncio.sleep(0)
            seen.append(current())
            inbox.task_done()

    async def run() -> None:
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        workers = [asyncio.create_task(worker(inbox)) for _ in range(2)]
        for message in iterated(queue):
            await inbox.put(message)
            await asyncio.sleep(0)
        await inbox.join()
        for one in workers:
            one.cancel()

    asyncio.run(run())
    assert sorted(seen) == sorted(ids(span) for span in recorder.processes(3))
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3
