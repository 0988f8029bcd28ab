"""Settlements by message, and what the broker does after them: redelivery, dead letters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest
from aio_pika.exceptions import ChannelInvalidStateError, MessageProcessError
from opentelemetry.trace import SpanKind
from support.spans import attribute, failed, ids, links, parent, qualified
from support.waiting import until

from .conftest import run, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from .conftest import Broker

TAG = "messaging.rabbitmq.message.delivery_tag"
WAYS: dict[str, tuple[Callable[[Any], Any], bool | None]] = {
    "ack": (lambda message: message.ack(), None),
    "nack": (lambda message: message.nack(requeue=False), False),
    "reject": (lambda message: message.reject(requeue=False), False),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_settlement_is_linked_to_where_its_message_comes_from(either: Broker, recorder: Recorder, way: str) -> None:
    settle, requeue = WAYS[way]

    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1", message_id="m-1")
            async for message in queue:
                assert await settle(message) is None
                break

    run(main())
    [span], [sent], [process] = recorder.settles(1), recorder.sends(1), recorder.processes(1)
    assert (span.kind, span.name) == (SpanKind.CLIENT, f"{way} {attribute(sent, 'messaging.destination.name')}")
    assert (links(span), parent(span)) == ([ids(sent)], ids(process))
    assert (attribute(span, TAG), attribute(span, "messaging.message.id")) == (1, "m-1")
    assert attribute(span, "eda.settle.requeue") is requeue
    assert not failed(span)


def test_several_messages_are_settled_at_once(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1", b"2", b"3")
            for _ in range(3):
                message = await queue.get()
            await message.ack(multiple=True)

    run(main())
    [span] = recorder.settles(1)
    assert links(span) == [ids(sent) for sent in recorder.sends(3)]
    assert attribute(span, "messaging.batch.message_count") == 3


def test_settling_twice_fails_as_it_does_without_us(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            message = await queue.get()
            await message.ack()
            with pytest.raises(MessageProcessError):
                await message.ack()

    run(main())
    first, second = recorder.settles(2)
    assert (failed(first), failed(second)) == (False, True)
    assert attribute(second, "error.type") == qualified(MessageProcessError)


def test_settling_on_a_closed_channel_fails_as_it_does_without_us(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            message = await queue.get()
            await queue.channel.close()
            with pytest.raises(ChannelInvalidStateError):
                await message.ack()

    run(main())
    assert attribute(recorder.settles(1)[0], "error.type") == qualified(ChannelInvalidStateError)
    recorder.processes(1)


def test_each_attempt_is_a_span_of_its_own(either: Broker, recorder: Recorder) -> None:
    queue = either.rabbitmq.queue({"x-queue-type": "quorum"})

    async def main() -> None:
        async with either.queue(queue) as found:
            await send(found, b"1")
            async for message in found:
                if message.redelivered:
                    await message.ack()
                    break
                await message.reject(requeue=True)

    run(main())
    first, second = recorder.processes(2)
    assert parent(first) == parent(second) == ids(recorder.sends(1)[0])
    assert [attribute(span, "eda.message.redelivered") for span in (first, second)] == [None, True]
    assert [attribute(span, "eda.message.delivery_count") for span in (first, second)] == [None, 1]


def test_a_dead_letter_tells_of_its_deaths(either: Broker, recorder: Recorder) -> None:
    grave = either.rabbitmq.queue()
    queue = either.rabbitmq.queue({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": grave})

    async def main() -> None:
        async with either.channel() as channel:
            await send(await channel.get_queue(queue), b"1")
            async for message in await channel.get_queue(queue):
                await message.reject()
                break
            async for message in await channel.get_queue(grave):
                await message.ack()
                break

    run(main())
    alive, dead = recorder.processes(1, queue)[0], recorder.processes(1, grave)[0]
    assert parent(alive) == parent(dead) == ids(recorder.sends(1)[0])
    assert recorder.count("eda.dead_lettered.messages") == 1
    assert (attribute(alive, "eda.message.death_count"), attribute(dead, "eda.message.death_count")) == (None, 1)


def test_a_retry_is_the_attempts_child(either: Broker, recorder: Recorder) -> None:
    queue, retry = either.rabbitmq.queue(), either.rabbitmq.queue()

    async def main() -> None:
        async with either.channel() as channel:
            done = asyncio.Event()

            async def callback(message: Any) -> None:
                async with message.process():
                    await channel.default_exchange.publish(aio_pika.Message(message.body), retry)
                done.set()

            found = await channel.get_queue(queue)
            await send(found, b"1")
            await found.consume(callback)
            await done.wait()
            await (await channel.get_queue(retry)).get(no_ack=True)

    run(main())
    [attempt], [again] = recorder.processes(1, queue), recorder.processes(1, retry)
    assert parent(recorder.sends(1, retry)[0]) == ids(attempt)
    assert parent(again) == ids(recorder.sends(1, retry)[0])


def test_the_depth_of_a_queue_is_known_where_the_broker_tells_it(either: Broker, recorder: Recorder) -> None:
    queue = either.rabbitmq.queue()
    depths: list[object] = []

    def look() -> None:
        depths.append([getattr(point, "value", None) for point in recorder.points("eda.queue.depth", queue)])

    async def main() -> None:
        async with either.channel() as channel:
            await send(await channel.get_queue(queue), b"1", b"2", b"3")
            look()
            until(lambda: either.rabbitmq.depth(queue) == 3, "the broker to have them")
            await channel.declare_queue(queue, durable=True)
            look()
            message = await (await channel.get_queue(queue, ensure=False)).get()
            look()
            await message.ack()

    run(main())
    assert depths == [[0], [3], [2]]
