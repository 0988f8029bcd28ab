"""What a refusal says of its queue: whether the application itself declared it with a dead-letter exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aio_pika.exceptions import ChannelPreconditionFailed
from opentelemetry.instrumentation.utils import suppress_instrumentation
from support.spans import attribute

from .conftest import run, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from .conftest import Broker

DEAD_LETTER = "eda.settle.dead_letter"
WITH = {"x-dead-letter-exchange": ""}


def of_another(broker: Broker, **arguments: Any) -> str:
    """Make a queue as another program does, of which nothing is known here."""
    with suppress_instrumentation():
        return broker.rabbitmq.queue(arguments)


@pytest.mark.parametrize("arguments", [WITH, {"x-max-length": 7}, {}, None])
def test_a_refusal_says_what_its_queue_was_declared_with(
    either: Broker, recorder: Recorder, arguments: dict[str, Any] | None
) -> None:
    name = of_another(either, **(arguments or {}))
    given = None if arguments is None else dict(arguments)

    async def main() -> None:
        async with either.channel() as channel:
            await channel.declare_queue(name, durable=True, arguments=given)
        async with either.queue(name) as queue:  # a channel of another connection, by a passive declaration
            await send(queue, b"1", b"2", b"3")
            await (await queue.get()).reject(requeue=True)
            for _ in range(2):
                await (await queue.get()).nack(requeue=False)
            await (await queue.get()).ack()

    run(main())
    known = arguments == WITH
    assert [attribute(span, DEAD_LETTER) for span in recorder.settles(4)] == [None, known, known, None]
    assert given == arguments


WAYS: dict[str, Callable[[Any, str], Any]] = {
    "passive": lambda channel, name: channel.declare_queue(name, passive=True),
    "without asking": lambda channel, name: channel.get_queue(name, ensure=False),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_said_of_a_queue_that_others_declared(either: Broker, recorder: Recorder, way: str) -> None:
    name = of_another(either, **WITH)

    async def main() -> None:
        async with either.channel() as channel:
            with pytest.raises(ChannelPreconditionFailed):
                await channel.declare_queue(name, durable=True)
        async with either.channel() as channel:
            queue = await WAYS[way](channel, name)
            await send(queue, b"1")
            async for message in queue:
                await message.reject(requeue=False)
                break

    run(main())
    assert [attribute(span, DEAD_LETTER) for span in recorder.settles(1)] == [None]


def test_a_block_that_fails_says_it_too(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.channel() as channel:
            queue = await channel.declare_queue(exclusive=True, arguments=dict(WITH))  # the client names it
            await send(queue, b"1")
            message = await queue.get()
            with pytest.raises(ValueError, match="no order"):
                async with message.process():
                    raise ValueError("no order")

    run(main())
    assert [attribute(span, DEAD_LETTER) for span in recorder.settles(1)] == [True]
