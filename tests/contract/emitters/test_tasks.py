"""Receivers that run in tasks keep to their own contexts."""

from __future__ import annotations

import asyncio
import functools
import gc
from typing import TYPE_CHECKING, Any

import pytest
from emitters.base import Has, How
from support.spans import attribute, current, ids, parent

from contract.emitters.events import EVENT, of_receivers
from otel_eda import semconv

if TYPE_CHECKING:
    from collections.abc import Callable

    from emitters.base import EmitterDriver
    from support.recorder import Recorder
    from support.spans import Ids


def in_tasks(*coroutines: Callable[[], Any]) -> None:
    async def run() -> None:
        await asyncio.gather(*(asyncio.create_task(each()) for each in coroutines))

    asyncio.run(run())


def test_tasks_never_see_each_others_context(how: How, kind: EmitterDriver, recorder: Recorder) -> None:
    emitter = kind.emitter(how)
    inside: list[tuple[Any, Ids]] = []
    before: dict[int, Ids] = {}

    async def later(value: Any) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            inside.append((value, current()))

    note: Any = later if how in {How.AWAIT, How.TASK} else lambda value: inside.append((value, current()))
    emitter.on(EVENT, note)

    async def one(number: int) -> None:
        with recorder.tracer.start_as_current_span(f"cause {number}") as span:
            before[number] = ids(span)  # type: ignore[arg-type]
            for _ in range(3):
                await emitter.emit(EVENT, number)
                assert current() == ids(span)  # type: ignore[arg-type]
                await asyncio.sleep(0)

    in_tasks(*(functools.partial(one, number) for number in range(4)))
    emitter.close()
    spans = {ids(span): span for span in recorder.ours()}
    assert len(inside) == 4 * 3 * (3 if how in {How.AWAIT, How.TASK} else 1)
    for number, found in inside:
        above = parent(spans[found])
        if Has.DISPATCH not in kind.cannot:
            above = parent(spans[above])  # type: ignore[index]
        assert above == before[number]


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.filterwarnings("error")
def test_a_cancelled_receiver_ends_its_span(how: How, kind: EmitterDriver, recorder: Recorder, started: bool) -> None:
    if how not in {How.AWAIT, How.TASK}:
        return  # nothing to cancel
    emitter = kind.emitter(how)

    async def wait(_: object) -> None:
        await asyncio.Event().wait()

    emitter.on(EVENT, wait)

    async def run() -> None:
        task = asyncio.create_task(emitter.emit(EVENT))
        for _ in range(3 if started else 0):
            await asyncio.sleep(0)
        waiting = getattr(emitter.native, "_waiting", ())
        for each in [*waiting, task]:
            each.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    gc.collect()
    spans = of_receivers(recorder)
    assert len(spans) == started
    assert [attribute(span, semconv.ABANDONED) for span in spans] == [True] * started
