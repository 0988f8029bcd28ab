"""A pull that returns a future: processing begins where a task awaits it, and nowhere else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import recording
from support.spans import attribute, current, failed, ids

from core import adapter
from core.tinyqueue import Consumer, Queue
from otel_eda import suite
from otel_eda.core import MessageFuture, ReceiveFuture

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from support.recorder import Recorder


CONSUMER = f"{adapter.MODULE}:Consumer"


class Empty(Exception):  # noqa: N818  # it is no error
    """There is no message."""


class Later(Consumer):
    """Gives futures of its messages."""

    def take(self) -> asyncio.Future[Any]:
        """Give a future that somebody else will fulfil."""
        future: asyncio.Future[Any] = MessageFuture()
        self.taken = future
        return future

    def fulfil(self) -> None:
        """Hand the next message over."""
        record = self._next("orders")
        self.taken.read = lambda: adapter.read(record)  # type: ignore[attr-defined]
        self.taken.set_result(record)


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch, queue: Queue) -> Later:
    made = adapter.library()
    made.empty = lambda error: isinstance(error, Empty)
    module = __import__(adapter.MODULE, fromlist=["Later"])
    monkeypatch.setattr(module, "Later", Later, raising=False)
    made.shapes = (*made.shapes, ReceiveFuture(f"{adapter.MODULE}:Later.take"))
    monkeypatch.setitem(suite.LIBRARIES, made.name, made)
    monkeypatch.setattr(suite, "NAMES", (*suite.NAMES, made.name))
    return Later(queue, "orders")


@pytest.fixture
def recorder(consumer: Later) -> Iterator[Recorder]:
    with recording() as made:
        yield made
        consumer.close()
        assert not made.open()


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


@pytest.mark.parametrize("late", [False, True])
def test_the_process_span_begins_where_the_future_is_awaited(consumer: Later, recorder: Recorder, late: bool) -> None:
    async def main() -> None:
        future = consumer.take()
        if late:
            asyncio.get_running_loop().call_soon(consumer.fulfil)
        else:
            consumer.fulfil()
        assert current() == (0, 0)
        record = await future
        assert record.value == 1
        assert current() == ids(recorder.open("process")[0])

    run(main)
    recorder.processes(1)


def test_a_result_that_a_task_asks_for_begins_the_process_span_too(consumer: Later, recorder: Recorder) -> None:
    async def main() -> None:
        future = consumer.take()
        consumer.fulfil()
        assert future.result() is future.result() is await future
        assert current() == ids(recorder.open("process")[0])

    run(main)
    recorder.processes(1)


def test_a_callback_begins_no_process_span(consumer: Later, recorder: Recorder) -> None:
    seen = []

    async def main() -> None:
        future = consumer.take()
        future.add_done_callback(lambda future: seen.append(future.result().value))
        consumer.fulfil()
        await asyncio.sleep(0)

    run(main)
    assert seen == [1]
    recorder.processes(0)
    recorder.counted("messaging.client.consumed.messages", 1)


def test_a_failure_makes_a_receive_span(consumer: Later, recorder: Recorder) -> None:
    async def main() -> None:
        for error in (Empty(), KeyError()):
            future = consumer.take()
            future.set_exception(error)
            with pytest.raises(type(error)):
                await future
        consumer.take().cancel()

    run(main)
    [receive] = recorder.receives(1)
    assert (failed(receive), attribute(receive, "error.type")) == (True, "KeyError")


def test_an_exception_in_the_task_fails_the_process_span(consumer: Later, recorder: Recorder) -> None:
    async def work(future: asyncio.Future[Any]) -> None:
        await asyncio.wait_for(future, 10)
        raise KeyError

    async def main() -> None:
        task = asyncio.ensure_future(work(consumer.take()))
        await asyncio.sleep(0)
        consumer.fulfil()
        await asyncio.wait([task])
        assert isinstance(task.exception(), KeyError)

    run(main)
    [process] = recorder.processes(1)
    assert attribute(process, "error.type") == "KeyError"


def test_a_plain_future_of_another_is_read_through_it() -> None:
    async def main() -> None:
        first, second = MessageFuture(), MessageFuture()
        first.read = lambda: adapter.read(record)
        second.source = first
        first.set_result(1)
        second.set_result(2)
        assert second.message == first.message
        assert await second == 2

    queue = Queue()
    queue.fill("orders", 1)
    record = Consumer(queue, "orders")._next("orders")
    asyncio.run(main())
