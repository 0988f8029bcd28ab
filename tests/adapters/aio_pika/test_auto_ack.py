"""What a message says that the broker takes for done when it sends it: it will not come again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from support.spans import attribute

import otel_eda

from .conftest import run, send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.recorder import Recorder

    from .conftest import Broker

AUTO = "eda.message.auto_ack"


async def get(queue: Any, auto: bool) -> None:
    await queue.get(no_ack=auto)


async def iterate(queue: Any, auto: bool) -> None:
    async with queue.iterator(no_ack=auto) as messages:
        async for _ in messages:
            break


async def call_back(queue: Any, auto: bool) -> None:
    done = asyncio.Event()

    async def callback(_: Any) -> None:
        done.set()

    await queue.consume(callback, no_ack=auto)
    await done.wait()


@pytest.mark.parametrize("auto", [True, False])
@pytest.mark.parametrize("way", [get, iterate, call_back])
def test_each_way_to_receive_says_it(
    either: Broker, recorder: Recorder, way: Callable[[Any, bool], Awaitable[None]], auto: bool
) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            await way(queue, auto)

    run(main())
    assert {attribute(span, AUTO) for span in recorder.processes(1)} == {True if auto else None}


def test_of_a_message_by_hand_it_is_not_known(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            with suppress_instrumentation():
                message = await queue.get()
                await message.ack()
            with otel_eda.process(message):
                pass

    run(main())
    assert attribute(recorder.processes(1)[0], AUTO) is None
