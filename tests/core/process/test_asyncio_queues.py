"""Workers that get messages from asyncio's queues by what they have kept of these, or asked for, before any message."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import current, ids

from core.common import DONE, iterated, outcome
from otel_eda import suite
from otel_eda.core.patching.interception import interceptor_of, restore_all

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.recorder import Recorder

    from core.tinyqueue import Queue

FOLLOWED = ("get", "get_nowait", "task_done")


async def hand_on(queue: Queue, inbox: asyncio.Queue[Any], worker: Callable[[], Awaitable[None]]) -> None:
    """Have a worker that waits before there is a message, and put each message into its queue."""
    working = asyncio.ensure_future(worker())
    await asyncio.sleep(0)
    for message in iterated(queue):
        await inbox.put(message)
        del message
        await asyncio.sleep(0)
    await inbox.put(None)
    await working


@pytest.mark.parametrize("polls", [False, True])
@pytest.mark.parametrize("says", [False, True])
def test_a_worker_with_functions_of_before_the_first_message(
    polls: bool, says: bool, queue: Queue, recorder: Recorder
) -> None:
    restore_all()  # as a process begins, with the functions as Python has them
    seen: list[Any] = []

    async def run() -> None:
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        get, get_nowait, done = inbox.get, inbox.get_nowait, inbox.task_done

        async def worker() -> None:
            while True:
                while polls and inbox.empty():
                    await asyncio.sleep(0)
                item = get_nowait() if polls else await get()
                if item is None:
                    return
                await asyncio.sleep(0)
                seen.append(current())
                del item
                if says:
                    done()

        await hand_on(queue, inbox, worker)

    asyncio.run(run())
    assert seen == [ids(span) for span in recorder.processes(3)]
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3


def test_nothing_is_exchanged_before_the_first_message_in_a_queue(queue: Queue, recorder: Recorder) -> None:
    restore_all()
    functions = [getattr(asyncio.Queue, name) for name in FOLLOWED]
    codes = [function.__code__ for function in functions]

    async def pass_on(items: Any) -> None:
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        for item in items:
            await inbox.put((item, 1))
            await inbox.get()
            inbox.task_done()

    asyncio.run(pass_on(range(3)))
    assert [function.__code__ for function in functions] == codes
    asyncio.run(pass_on(iterated(queue)))
    assert len(recorder.processes(3)) == 3
    assert [getattr(asyncio.Queue, name) for name in FOLLOWED] == functions
    assert all(map(interceptor_of, functions))
    assert inspect.iscoroutinefunction(asyncio.Queue.get)
    suite.disable()
    assert [function.__code__ for function in functions] == codes


@pytest.mark.parametrize("marks", [True, False])
def test_a_task_that_waits_for_its_queue_for_a_limited_time(marks: bool, queue: Queue, recorder: Recorder) -> None:
    """Before Python 3.12 `wait_for` gets the message in a task of its own."""
    seen: list[Any] = []

    async def work(inbox: asyncio.Queue[Any]) -> None:
        while True:
            try:
                message = await asyncio.wait_for(inbox.get(), 0.02)
            except asyncio.TimeoutError:
                continue
            await asyncio.sleep(0.001)
            seen.append(current())
            del message
            if marks:
                inbox.task_done()

    async def consume() -> None:
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        worker = asyncio.create_task(work(inbox))
        for message in iterated(queue):
            await inbox.put(message)
            del message
        await asyncio.sleep(0.1)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        assert current() == (0, 0)

    asyncio.run(consume())
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3
    assert seen == [ids(span) for span in recorder.processes(3)]
