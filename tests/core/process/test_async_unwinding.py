"""How the body of an async loop was left is recorded as for any other loop."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from core.common import ABANDONED, DONE, EXACT, outcome
from core.process.bodies.asynchronous import LEFT, forever, ignored
from core.tinyqueue import AsyncConsumer, Queue
from otel_eda.core.process import unwinding

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from support.recorder import Recorder

    Body = Callable[[AsyncConsumer], Coroutine[Any, Any, object]]


@pytest.mark.parametrize(("body", "expected"), LEFT, ids=lambda value: getattr(value, "__name__", None))
def test_how_a_body_was_left_is_recorded(body: Body, expected: str, queue: Queue, recorder: Recorder) -> None:
    async def main() -> None:
        await ignored(body(AsyncConsumer(queue, "orders")))
        assert not recorder.open()

    asyncio.run(main())
    *before, last = [outcome(span) for span in recorder.ours()]
    assert (set(before) <= {DONE}, last) == (True, expected)


def test_enough_bodies_are_made_asynchronous() -> None:
    assert len(LEFT) > 30


def test_no_frame_is_watched_when_loops_are_over(queue: Queue, recorder: Recorder) -> None:
    for body, _ in LEFT:
        asyncio.run(ignored(body(AsyncConsumer(queue, "orders"))))
    gc.collect()
    assert unwinding._watches_by_frame == {}


@pytest.mark.parametrize("handled", [False, True])
def test_a_task_that_is_cancelled_in_a_body_ends_its_span(handled: bool, queue: Queue, recorder: Recorder) -> None:
    async def consume() -> None:
        try:
            async for _ in AsyncConsumer(queue, "orders"):
                await forever()
        except asyncio.CancelledError:
            assert not recorder.open()
            if not handled:
                raise

    async def main() -> None:
        task = asyncio.create_task(consume())
        while not recorder.open("process"):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert not recorder.open()

    asyncio.run(main())
    (span,) = recorder.processes(1)
    assert outcome(span) == (ABANDONED if EXACT else "_OTHER")  # what was told to end is no failure


def test_a_waiting_loop_is_freed_at_once_when_it_is_dropped(recorder: Recorder) -> None:
    async def consume() -> None:
        async for _ in Waiting(Queue(), "orders"):
            pass

    class Waiting(AsyncConsumer):
        async def __anext__(self) -> Any:
            await forever()

    async def main() -> None:
        gc.disable()
        try:
            coroutine: Any = consume()
            coroutine.send(None)
            frame = id(coroutine.cr_frame)
            assert frame in unwinding._watches_by_frame or not EXACT
            del coroutine
            assert unwinding._watches_by_frame == {}
        finally:
            gc.enable()

    asyncio.run(main())
