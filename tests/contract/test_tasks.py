"""Tasks that consume at once never see each other's contexts, and whatever ends one ends its span."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import AsyncConsumer, Message, Shape
from opentelemetry import context
from support.spans import NOTHING, attribute, current, exceptions, failed, ids, parent, qualified
from support.waiting import cancel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from support.bus import Bus
    from support.recorder import Recorder
    from support.spans import Ids

    Way = Callable[[AsyncConsumer], Coroutine[Any, Any, object]]

pytestmark = pytest.mark.shapes(Shape.ASYNC)
EXACT = sys.version_info >= (3, 12)  # there the exception of a loop's body can be known
TASKS, EACH = 2, 3


class BoomError(Exception):
    """What a body raises."""


@pytest.fixture
def consumer(bus: Bus) -> AsyncConsumer:
    made = bus.consumer()
    assert isinstance(made, AsyncConsumer)
    return made


async def fail() -> None:
    await asyncio.sleep(0)
    raise BoomError("boom")


async def break_(consumer: AsyncConsumer) -> None:
    async for _ in consumer.iterator():
        await asyncio.sleep(0)
        break


async def return_(consumer: AsyncConsumer) -> object:
    async for native in consumer.iterator():
        return native
    return None


async def handled(consumer: AsyncConsumer) -> None:
    async for _ in consumer.iterator():
        try:
            await fail()
        except BoomError:
            break


async def raised(consumer: AsyncConsumer) -> None:
    try:
        async for _ in consumer.iterator():
            await fail()
    except BoomError:
        return


async def generator_closed(consumer: AsyncConsumer) -> None:
    async def natives() -> AsyncGenerator[object]:
        async for native in consumer.iterator():
            yield native

    given = natives()
    await anext(given)
    await given.aclose()


@pytest.mark.parametrize("way", [break_, return_, handled, raised, generator_closed])
def test_a_loop_that_is_left_ends_its_span_at_once(
    bus: Bus, recorder: Recorder, consumer: AsyncConsumer, way: Way
) -> None:
    bus.send(*[Message()] * 2)

    async def main() -> None:
        await consumer.start()
        before = context.get_current()
        await way(consumer)
        assert not recorder.open("process")
        assert context.get_current() == before

    consumer.events.run(main())
    [process] = recorder.processes(1)
    assert failed(process) is (way is raised)
    assert attribute(process, "eda.process.abandoned") == (True if way is generator_closed else None)
    if way is raised and EXACT:
        assert exceptions(process) == [(qualified(BoomError), "boom")]


def test_a_task_that_is_cancelled_in_a_body_ends_its_span(
    bus: Bus, recorder: Recorder, consumer: AsyncConsumer
) -> None:
    bus.send()

    async def consume() -> None:
        async for _ in consumer.iterator():
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        await consumer.start()
        await cancel([asyncio.create_task(consume())], lambda: recorder.open("process"))
        assert not recorder.open("process")

    consumer.events.run(main())
    [process] = recorder.processes(1)
    # What was told to end is no failure, where it is known that it was.
    assert attribute(process, "error.type") == (None if EXACT else "_OTHER")
    assert attribute(process, "eda.process.abandoned") is (True if EXACT else None)


def test_tasks_keep_to_their_own_contexts(bus: Bus, recorder: Recorder, consumer: AsyncConsumer) -> None:
    bus.send(*[Message()] * TASKS * EACH)
    seen: list[Ids] = []

    async def consume() -> None:
        async for _ in consumer.iterator():
            mine = current()
            seen.append(mine)
            with recorder.tracer.start_as_current_span("work"):
                await asyncio.sleep(0.001)
            assert current() == mine != NOTHING

    async def main() -> None:
        await consumer.start()
        tasks = [asyncio.create_task(consume()) for _ in range(TASKS)]
        await cancel(tasks, lambda: len(recorder.own("work")) == TASKS * EACH and not recorder.open("process"))
        assert current() == NOTHING

    consumer.events.run(main())
    processed = recorder.processes(TASKS * EACH)
    assert sorted(seen) == sorted(ids(span) for span in processed)
    assert sorted(filter(None, map(parent, recorder.own("work")))) == sorted(ids(span) for span in processed)
    assert sorted(filter(None, map(parent, processed))) == sorted(ids(span) for span in recorder.sends(TASKS * EACH))
