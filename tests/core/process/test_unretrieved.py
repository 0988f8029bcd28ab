"""Errors of calls that asyncio runs elsewhere with a message: they are told as those of plain tasks, if nobody asks."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute
from support.waiting import until

from core.common import DONE, iterated, outcome, polled
from core.process.test_handed import copied, fail, fail_later
from core.tinyqueue import Consumer, Queue
from otel_eda.core.process import unretrieved

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from support.recorder import Recorder

    Way: TypeAlias = Callable[[Any], Awaitable[object]]

TIMES = 20  # with a hundred calls each
MODULES = ("otel_eda", "opentelemetry")  # the queue keeps its records, and they are none of these
KEPT = (BaseException, asyncio.Future, Future, FrameType, weakref.ref)
UNRETRIEVED = "eda.process.error_unretrieved"


def executor(message: Any) -> Awaitable[object]:
    """Run in the loop's executor."""
    return asyncio.get_running_loop().run_in_executor(None, fail, message)


def thread(message: Any) -> Awaitable[object]:
    """Run by `to_thread`."""
    return asyncio.ensure_future(asyncio.to_thread(fail, message))


def task(message: Any) -> Awaitable[object]:
    """Run in a task."""
    return asyncio.ensure_future(fail_later(message))


class EagerPool(ThreadPoolExecutor):
    """An executor whose threads are done before `submit` returns, as a short call's may be."""

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Return a future that is done."""
        future = super().submit(*args, **kwargs)
        wait([future])
        return future


def eager(message: Any) -> Awaitable[object]:
    """Run in an executor whose outcome asyncio copies at once."""
    return asyncio.get_running_loop().run_in_executor(EagerPool(1), fail, message)


WAYS = pytest.mark.parametrize("way", [executor, eager, thread, task])
CONSUMED = pytest.mark.parametrize("consume", [iterated, polled, copied])


async def quiet() -> None:
    """Let the loop do what there is, and say nothing of errors that nobody asks for."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)


async def forget(way: Way, messages: Any) -> None:
    """Ask for no error."""
    await quiet()
    calls = [way(message) for message in messages]
    await asyncio.wait(calls)


async def ask(way: Way, messages: Any) -> None:
    """Ask for each error."""
    for call in [way(message) for message in messages]:
        with pytest.raises(ValueError):  # noqa: PT011  # it has no text
            await call


async def gather(way: Way, messages: Any) -> None:
    """Ask for all errors at once."""
    errors = await asyncio.gather(*map(way, messages), return_exceptions=True)
    assert [type(error) for error in errors] == [ValueError] * 3


async def shield(way: Way, messages: Any) -> None:
    """Ask for each error by another future, with a limit of time."""
    for call in [way(message) for message in messages]:
        with pytest.raises(ValueError):  # noqa: PT011  # it has no text
            await asyncio.wait_for(asyncio.shield(call), 10)


@WAYS
@CONSUMED
def test_nobody_asks(way: Way, consume: Any, queue: Queue, recorder: Recorder) -> None:
    if way is task and consume is not copied:
        pytest.skip("a task begins after the loop's body")
    asyncio.run(forget(way, consume(queue)))
    gc.collect()
    spans = recorder.processes(3)
    assert [outcome(span) for span in spans] == ["ValueError"] * 3
    assert all(attribute(span, "eda.process.handed_over") for span in spans)
    assert len(recorder.events(UNRETRIEVED)) == 3


@WAYS
@pytest.mark.parametrize("asks", [ask, gather, shield])
def test_somebody_asks(way: Way, asks: Any, queue: Queue, recorder: Recorder) -> None:
    asyncio.run(asks(way, copied(queue)))
    gc.collect()
    assert [outcome(span) for span in recorder.processes(3)] == ["ValueError"] * 3
    assert not recorder.events(UNRETRIEVED)


@pytest.mark.parametrize("way", [executor, eager])
def test_the_code_around_waits_and_decides(way: Way, queue: Queue, recorder: Recorder) -> None:
    async def run() -> None:
        for message in polled(queue):
            with suppress(ValueError):
                await way(message)

    asyncio.run(run())
    gc.collect()
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3
    assert not recorder.events(UNRETRIEVED)


def test_who_holds_the_executors_own_future_may_ask_it(queue: Queue, recorder: Recorder) -> None:
    async def run(pool: ThreadPoolExecutor) -> list[Any]:
        await quiet()
        calls = [pool.submit(fail, message) for message in copied(queue)]
        await asyncio.wait(map(asyncio.wrap_future, calls))
        gc.collect()
        return calls

    with ThreadPoolExecutor(1) as pool:
        calls = asyncio.run(run(pool))
    gc.collect()
    assert not recorder.events(UNRETRIEVED)
    assert calls[0].exception()
    calls.clear()
    gc.collect()
    assert len(recorder.events(UNRETRIEVED)) == 2


@pytest.mark.parametrize("asks", [True, False])
def test_coroutines_that_a_thread_hands_to_a_loop(asks: bool, queue: Queue, recorder: Recorder) -> None:
    loop = asyncio.new_event_loop()
    runner = threading.Thread(target=loop.run_forever)
    runner.start()
    calls = [asyncio.run_coroutine_threadsafe(fail_later(message), loop) for message in copied(queue)]
    until(lambda: all(call.done() for call in calls), "the ends of the coroutines")
    if asks:
        assert [type(call.exception()) for call in calls] == [ValueError] * 3
    calls.clear()
    loop.call_soon_threadsafe(loop.stop)
    runner.join()
    loop.close()
    gc.collect()
    assert [outcome(span) for span in recorder.processes(3)] == ["ValueError"] * 3
    assert len(recorder.events(UNRETRIEVED)) == (0 if asks else 3)


def test_who_waits_before_the_coroutine_ends_has_asked(queue: Queue, recorder: Recorder) -> None:
    loop = asyncio.new_event_loop()
    runner = threading.Thread(target=loop.run_forever)
    runner.start()
    for message in copied(queue):
        with pytest.raises(ValueError):  # noqa: PT011  # it has no text
            asyncio.run_coroutine_threadsafe(fail_later(message), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    runner.join()
    loop.close()
    gc.collect()
    assert not recorder.events(UNRETRIEVED)


def test_a_future_that_takes_the_place_of_one_has_nothing_of_it(queue: Queue, recorder: Recorder) -> None:
    async def run() -> None:
        await quiet()
        for message in copied(queue):
            address = id(call := asyncio.ensure_future(fail_later(message)))
            await asyncio.gather(call, return_exceptions=True)
            del call
            for _ in range(100):  # that of another call is dropped, and nobody asks for its error
                other = asyncio.get_running_loop().create_future()
                other.set_exception(KeyError())
                again = id(other) == address
                del other
                if again:
                    break

    asyncio.run(run())
    gc.collect()
    assert len(recorder.processes(3)) == 3
    assert not recorder.events(UNRETRIEVED)


def test_the_application_sees_what_it_would(queue: Queue) -> None:
    error, told = ValueError("none other"), []

    def raises(_: object) -> None:
        raise error

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context))
        first, second, third = copied(queue)
        with pytest.raises(ValueError, match="none other") as caught:
            await asyncio.to_thread(raises, first)
        assert caught.value is error
        call = loop.run_in_executor(None, raises, second)
        await asyncio.wait([call])
        assert call.exception() is error
        assert not hasattr(call, "__dict__")
        del call
        await asyncio.wait([loop.run_in_executor(None, raises, third)])

    asyncio.run(run())
    gc.collect()
    assert [context["exception"] for context in told] == [error]
    assert told[0]["message"] == "Future exception was never retrieved"


def test_a_class_of_futures_that_takes_no_attributes_tells_nothing(queue: Queue, recorder: Recorder) -> None:
    class Closed(asyncio.Future[Any]):
        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_otel_eda"):
                raise AttributeError(name)
            super().__setattr__(name, value)

    class Loop(asyncio.SelectorEventLoop):
        def create_future(self) -> Closed:
            return Closed(loop=self)

    loop = Loop()
    loop.run_until_complete(forget(executor, copied(queue)))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    gc.collect()
    assert [outcome(span) for span in recorder.processes(3)] == ["ValueError"] * 3
    assert not recorder.events(UNRETRIEVED)


@pytest.mark.parametrize("way", [executor, task])
@pytest.mark.parametrize("asks", [True, False])
def test_nothing_is_kept_of_thousands_of_them(way: Way, asks: bool, recorder: Recorder) -> None:
    queue = Queue()
    consumer = Consumer(queue, "orders")

    async def run(times: int) -> int:
        await quiet()
        for _ in range(times):
            queue.fill("orders", *range(100))
            calls = [way(message) for message in list(consumer.poll()["orders"])]
            await (asyncio.gather(*calls, return_exceptions=True) if asks else asyncio.wait(calls))
            del calls
            recorder.forget()
        gc.collect()
        return sum(isinstance(kept, KEPT) or type(kept).__module__.startswith(MODULES) for kept in gc.get_objects())

    async def both() -> tuple[int, int]:
        return await run(3), await run(TIMES)

    few, many = asyncio.run(both())
    assert many - few < 50 * TIMES  # of a hundred times as many calls; messages of the last ones may wait yet
    assert len(unretrieved._failed_calls) < 10
