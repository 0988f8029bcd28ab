"""FastStream, with its own telemetry off: one trace for each message."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from faststream.confluent import KafkaBroker as ConfluentBroker
from faststream.kafka import KafkaBroker
from faststream.rabbit import RabbitBroker
from support.recorder import recording
from support.spans import current, failed, ids, links, parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.recorder import Recorder
    from support.spans import Ids

PATIENCE = 60
MESSAGES = 3

Broker = tuple[Any, dict[str, Any], "Callable[[], str]"]
EARLIEST = {"auto_offset_reset": "earliest"}


def on_aiokafka(request: pytest.FixtureRequest) -> Broker:
    make = request.getfixturevalue("topics")
    return KafkaBroker(request.getfixturevalue("kafka").address), {"group_id": make(), **EARLIEST}, make


def on_confluent(request: pytest.FixtureRequest) -> Broker:
    make = request.getfixturevalue("topics")
    return ConfluentBroker(request.getfixturevalue("kafka").address), {"group_id": make(), **EARLIEST}, make


def on_rabbitmq(request: pytest.FixtureRequest) -> Broker:
    broker = RabbitBroker(f"amqp://guest:guest@{request.getfixturevalue('rabbitmq').address}/")
    return broker, {}, request.getfixturevalue("queues")


BROKERS = pytest.mark.parametrize("made", [on_aiokafka, on_confluent, on_rabbitmq])


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as made:
        yield made
        assert not made.open()


class Relay:
    """Hands each message from one destination to the next one, and notes in which span."""

    def __init__(self, broker: Broker, recorder: Recorder) -> None:
        self.broker, options, make = broker
        self.recorder = recorder
        self.first, self.second = make(), make()
        self.seen: dict[str, list[Ids]] = {self.first: [], self.second: []}
        self.broker.subscriber(self.first, **options)(self.forward)
        self.broker.subscriber(self.second, **options)(self.arrive)

    async def forward(self, body: str) -> None:
        self.seen[self.first].append(current())
        with self.recorder.tracer.start_as_current_span("work"):
            await asyncio.sleep(0.001)
        await self.broker.publish(body, self.second)

    async def arrive(self, _: str) -> None:
        self.seen[self.second].append(current())

    async def run(self) -> None:
        async with self.broker:
            await self.broker.start()
            for number in range(MESSAGES):
                with self.recorder.tracer.start_as_current_span("request"):
                    await self.broker.publish(f"message {number}", self.first)
            while len(self.seen[self.second]) < MESSAGES:
                await asyncio.sleep(0.01)


@BROKERS
def test_each_message_is_one_trace(
    made: Callable[..., Broker], request: pytest.FixtureRequest, recorder: Recorder
) -> None:
    relay = Relay(made(request), recorder)
    asyncio.run(asyncio.wait_for(relay.run(), PATIENCE))
    requests, works = recorder.own("request"), recorder.own("work")
    sent, forwarded = recorder.sends(MESSAGES, relay.first), recorder.sends(MESSAGES, relay.second)
    handled, arrived = recorder.processes(MESSAGES, relay.first), recorder.processes(MESSAGES, relay.second)
    assert [parent(span) for span in sent] == [ids(span) for span in requests]
    assert [parent(span) for span in handled] == [ids(span) for span in sent]
    assert [links(span) for span in handled] == [[ids(span)] for span in sent]
    assert [parent(span) for span in works] == [ids(span) for span in handled]
    assert [parent(span) for span in forwarded] == [ids(span) for span in handled]
    assert [parent(span) for span in arrived] == [ids(span) for span in forwarded]
    assert relay.seen == {relay.first: [ids(span) for span in handled], relay.second: [ids(span) for span in arrived]}
    assert not any(failed(span) for span in (*sent, *handled, *forwarded, *arrived))
