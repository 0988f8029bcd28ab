"""Messages that a loop hands to a thread of an executor, or to an asyncio task, are processed there."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute, current, ids

from core.common import ABANDONED, CANCELLED, DONE, iterated, outcome, polled
from otel_eda.core.process import hand_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from support.recorder import Recorder

    from core.tinyqueue import Queue

    Handle: TypeAlias = Callable[[Any], object]


def copied(queue: Queue) -> Iterable[Any]:
    """Give the messages of a batch that was copied."""
    return [message for message in polled(queue) if message is not None]


CONSUMED = pytest.mark.parametrize("consume", [iterated, polled, copied])


def fail(_: object) -> None:
    """Fail."""
    raise ValueError


def one_by_one(pool: Executor, messages: Iterable[Any], handle: Handle) -> list[Future[object]]:
    """Submit each message."""
    return [pool.submit(handle, message) for message in messages]


def in_a_loop(pool: Executor, messages: Iterable[Any], handle: Handle) -> list[Future[object]]:
    """Submit each message in a loop's body."""
    futures = []
    for message in messages:
        futures.append(pool.submit(handle, message))  # noqa: PERF401  # a comprehension is another case
    return futures


def by_keyword(pool: Executor, messages: Iterable[Any], handle: Handle) -> list[Future[object]]:
    """Submit each message by keyword, with something else."""

    def both(_: int, message: Any) -> object:
        return handle(message)

    return [pool.submit(both, 1, message=message) for message in messages]


@CONSUMED
@pytest.mark.parametrize("submit", [one_by_one, in_a_loop, by_keyword])
def test_the_span_goes_on_in_the_thread(consume: Any, submit: Any, queue: Queue, recorder: Recorder) -> None:
    seen: list[Any] = []
    with ThreadPoolExecutor(1) as pool:
        submit(pool, consume(queue), lambda _: seen.append(current()))
        pool.submit(lambda: seen.append(current()))
    assert sorted(seen[:3]) == sorted(ids(span) for span in recorder.processes(3))
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3
    assert seen[3] == (0, 0)


@CONSUMED
def test_a_call_that_fails(consume: Any, queue: Queue, recorder: Recorder) -> None:
    with ThreadPoolExecutor(2) as pool:
        wait(one_by_one(pool, consume(queue), fail))
    gc.collect()
    spans = recorder.processes(3)
    assert [outcome(span) for span in spans] == ["ValueError"] * 3
    assert all(attribute(span, "eda.process.handed_over") for span in spans)
    assert len(recorder.events("eda.process.error_unretrieved")) == 3


def test_an_error_that_somebody_asks_for(queue: Queue, recorder: Recorder) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert [type(future.exception()) for future in one_by_one(pool, copied(queue), fail)] == [ValueError] * 3
    gc.collect()
    assert not recorder.events("eda.process.error_unretrieved")


def test_a_message_that_is_handed_on_again(queue: Queue, recorder: Recorder) -> None:
    with ThreadPoolExecutor(1) as pool:
        messages = list(copied(queue))
        wait(one_by_one(pool, messages, fail))
        wait(one_by_one(pool, messages, lambda _: None))
    assert [outcome(span) for span in recorder.processes(6)] == ["ValueError"] * 3 + [DONE] * 3


def test_the_code_around_decides(queue: Queue, recorder: Recorder) -> None:
    with ThreadPoolExecutor(1) as pool:
        for message in polled(queue):
            assert pool.submit(fail, message).exception()
            pool.submit(lambda _: None, message).result()
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3


@CONSUMED
def test_tasks(consume: Any, queue: Queue, recorder: Recorder) -> None:
    seen: list[Any] = []

    async def handle(message: Any) -> None:
        await asyncio.sleep(0.001)
        seen.append(current())
        if message.value == b"2":
            raise ValueError

    async def run() -> None:
        tasks = [asyncio.create_task(handle(message)) for message in consume(queue)]
        assert current() == (0, 0)
        await asyncio.wait(tasks)

    asyncio.run(run())
    gc.collect()
    spans = recorder.processes(3)
    assert sorted(seen) == sorted(map(ids, spans))


async def never_ends(_: object) -> None:
    """Wait for ever."""
    await asyncio.Event().wait()


def test_tasks_that_end_otherwise(queue: Queue, recorder: Recorder) -> None:
    async def fails(_: object) -> None:
        await asyncio.sleep(0)
        raise ValueError

    async def within(coroutine: Any) -> None:
        await coroutine

    async def run() -> None:
        first, second, third = copied(queue)
        asyncio.create_task(fails(first))  # noqa: RUF006  # nobody asks for its error
        results = await asyncio.gather(within(fails(second)), return_exceptions=True)
        assert isinstance(results[0], ValueError)
        last = asyncio.create_task(never_ends(third))
        await asyncio.sleep(0)
        last.cancel()

    asyncio.run(run())
    gc.collect()
    spans = recorder.processes(3)
    assert [outcome(span) for span in spans] == ["ValueError", "ValueError", ABANDONED]
    assert attribute(spans[2], "eda.process.ended_by") == CANCELLED
    assert len(recorder.events("eda.process.error_unretrieved")) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("consume", [iterated, copied])
def test_threads_of_ones_own(consume: Any, queue: Queue, recorder: Recorder) -> None:
    seen: list[Any] = []

    def handle(fails: bool, message: Any) -> None:
        assert message
        seen.append(current())
        if fails:
            raise ValueError

    messages = list(consume(queue)) if consume is copied else consume(queue)
    threads: list[threading.Thread] = []
    for message in messages:
        threads.append(threading.Thread(target=handle, args=(len(threads) == 1, message)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert [outcome(span) for span in recorder.processes(3)] == [DONE, "ValueError", DONE]
    assert sorted(seen) == sorted(map(ids, recorder.processes(3)))


def test_a_thread_that_cannot_start(queue: Queue, recorder: Recorder) -> None:
    gate = threading.Event()

    def handle(_: Any) -> None:
        gate.wait()

    for message in iterated(queue):
        thread = threading.Thread(target=handle, args=(message,))
        thread.start()
        with pytest.raises(RuntimeError, match="only be started once"):
            thread.start()
        break
    assert recorder.open("process") != []  # the thread that runs has it yet
    gate.set()
    thread.join()
    assert [outcome(span) for span in recorder.processes(1)] == [DONE]
    with pytest.raises(RuntimeError, match="only be started once"):
        thread.start()


async def fail_later(_: object) -> None:
    """Fail."""
    await asyncio.sleep(0)
    raise ValueError


def test_coroutines_that_are_gathered_when_the_loop_is_over(queue: Queue, recorder: Recorder) -> None:
    async def run() -> None:
        batch = polled(queue)
        await asyncio.gather(*map(fail_later, batch), return_exceptions=True)

    asyncio.run(run())
    first, later = recorder.processes(6)[:3], recorder.processes(6)[3:]
    assert [outcome(span) for span in (*first, *later)] == [DONE] * 3 + ["ValueError"] * 3
    assert all(attribute(span, "eda.process.manual") for span in later)


def test_a_message_that_nobody_keeps_waits_for_nobody(queue: Queue, recorder: Recorder) -> None:
    for message in polled(queue):
        assert message
        assert not hand_over.waiting
    assert len(recorder.processes(3)) == 3


async def let_go(body: Any, ended: asyncio.Event) -> None:
    """Give an argument up long before the end."""
    del body
    await ended.wait()


async def hold(body: Any, ended: asyncio.Event) -> None:
    """Work on an argument in a closure."""

    def held() -> Any:
        return body

    assert held()
    await ended.wait()


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize(("work", "kept"), [(let_go, False), (hold, True)])
def test_a_task_keeps_its_arguments_no_longer_than_its_code_does(work: Any, kept: bool, queue: Queue) -> None:
    async def run() -> bool:
        ended = asyncio.Event()
        for _ in polled(queue):
            body = {1}
            gone = weakref.ref(body)
            task = asyncio.create_task(work(body, ended))
            del body
            await asyncio.sleep(0)
        alive = gone() is not None
        ended.set()
        await task
        return alive

    assert asyncio.run(run()) is kept


@pytest.mark.parametrize("consume", [iterated, polled])
def test_a_message_in_a_closure_of_a_task(consume: Any, queue: Queue, recorder: Recorder) -> None:
    async def run() -> None:
        ended = asyncio.Event()
        ended.set()
        await asyncio.gather(*[asyncio.create_task(hold(message, ended)) for message in consume(queue)])

    asyncio.run(run())
    assert {outcome(span) for span in recorder.processes(3)} == {DONE}
