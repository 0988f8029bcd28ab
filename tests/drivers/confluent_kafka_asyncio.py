"""confluent-kafka's asyncio clients, of 2.12 and later: they call the others in threads of their own."""

from __future__ import annotations

import time
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from confluent_kafka import KafkaException, TopicPartition
from support.eventloop import EventLoop

from drivers.base import (
    PATIENCE,
    AsyncConsumer,
    By,
    Can,
    Message,
    Pending,
    Producer,
    Reading,
    Receipt,
    Received,
    Sending,
    Shape,
)
from drivers.confluent_kafka import GATHER, ConfluentKafka, ConfluentProducer, reading, receipt, received, sending

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterable, Mapping, Sequence

    from drivers.base import BadCall

aio: Any = None
for name in ("confluent_kafka.experimental.aio", "confluent_kafka.aio"):  # 2.12 had them in the first alone
    with suppress(ImportError):
        aio = import_module(name)
TURN = 0.05  # seconds a poll for reports waits


class Report(Pending):
    """The future that the delivery report of one message ends, once somebody polls for it."""

    def __init__(self, native: asyncio.Future[Any], producer: AioProducer) -> None:
        self.native = native
        self.producer = producer

    async def _answer(self) -> Any:
        while not self.native.done():
            await self.producer.native.poll(TURN)
        return await self.native

    def wait(self) -> Receipt:
        return receipt(self.producer.events.run(self._answer()))


class AioProducer(Producer):
    def __init__(self, address: str, topic: str, how: Sending) -> None:
        self.topic = topic
        self.closed = False
        self.events = EventLoop()
        self.native = self.events.run(self._make(address, how))

    @staticmethod
    async def _make(address: str, how: Sending) -> Any:
        return aio.AIOProducer(sending(address, how), batch_size=100 if how.hold else 1, buffer_timeout=0)

    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        fields = {"topic": self.topic, "value": message.value, "key": message.key}
        more: dict[str, Any] = {} if message.partition is None else {"partition": message.partition}
        if by is By.POSITION:
            call = self.native.produce(*fields.values(), **more)
        elif by is By.NAME:
            call = self.native.produce(**fields, **more)
        else:
            more |= {} if message.key is None else {"key": message.key}
            call = self.native.produce(self.topic, message.value, **more)
        return Report(self.events.run(call), self)

    def flush(self) -> None:
        assert self.events.run(self.native.flush(PATIENCE)) == 0

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.events.run(self.native.close())

    def abandon(self) -> None:
        self.events.run(self.native.purge())
        self.events.run(self.native.poll(0))


class AioConsumer(AsyncConsumer):
    def __init__(self, address: str, topics: tuple[str, ...], how: Reading) -> None:
        super().__init__()
        self.commits = 0
        self.patience = how.patience
        self.closed = False
        self.native = self.events.run(self._make(address, topics, how))

    async def _make(self, address: str, topics: tuple[str, ...], how: Reading) -> Any:
        native = aio.AIOConsumer({**reading(address, how), "on_commit": self._committed})
        if how.group:
            await native.subscribe(list(topics))
        else:
            found = [(await native.list_topics(topic, PATIENCE)).topics[topic] for topic in topics]
            await native.assign([TopicPartition(one.topic, number, 0) for one in found for number in one.partitions])
        return native

    async def _committed(self, *_: object) -> None:
        self.commits += 1

    def read(self, native: Any) -> Received:
        return received(native)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.events.run(self.native.close())

    def iterator(self) -> AsyncIterable[Any]:
        raise NotImplementedError

    async def one(self) -> Any:
        message = await self.native.poll(self.patience)
        if message is None:
            raise TimeoutError("a message was to come")
        if message.error() is not None:
            raise KafkaException(message.error())
        return message

    async def several(self, timeout: float) -> Any:
        end = time.monotonic() + timeout
        while True:
            messages = await self.native.consume(500, min(timeout, GATHER))
            if messages or time.monotonic() >= end:
                return messages

    def lists(self, result: Any) -> list[Sequence[Any]]:
        return [result] if result else []

    def settle(self) -> None:
        self.events.run(self._settle())

    async def _settle(self) -> None:
        offsets = await self.native.position(await self.native.assignment())
        await self.native.commit(offsets=offsets, asynchronous=False)

    def settle_later(self) -> None:
        self.events.run(self._settle_later())

    async def _settle_later(self) -> None:
        before = self.commits
        await self.native.commit()
        while self.commits == before:
            await self.native.poll(TURN)

    def rewind(self) -> None:
        self.events.run(self._rewind())

    async def _rewind(self) -> None:
        for partition in await self.native.assignment():
            await self.native.seek(TopicPartition(partition.topic, partition.partition, 0))


class ConfluentKafkaAsyncio(ConfluentKafka):
    name: ClassVar = "confluent-kafka asyncio"
    absent: ClassVar = None if aio else "the asyncio clients are new in 2.12"
    producers: ClassVar = AioProducer
    consumers: ClassVar = AioConsumer
    cannot: ClassVar = {
        **ConfluentKafka.cannot,
        Can.CONTEXT: "its producer refuses headers; its consumer is tested with messages of the synchronous producer",
        Can.HEADERS: "its producer refuses headers",
        Can.REPEATED_HEADERS: "its producer refuses headers",
        Can.ORDER: "its producer refuses headers",
        Can.NULL_HEADERS: "its producer refuses headers",
        Shape.ASYNC: "its consumers are not iterable",
    }
    classes: ClassVar = (aio.AIOProducer, aio.AIOConsumer) if aio else ConfluentKafka.classes
    sender: ClassVar = (classes[0], "produce")

    def courier(self, address: str, destination: str) -> Producer:
        return ConfluentProducer(address, destination, Sending())

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:
        return {
            "send: no topic": lambda producer, _: bad(producer, "produce"),
            "send: argument twice": lambda producer, _: bad(producer, "produce", destination, topic=destination),
            "send: headers": lambda producer, _: bad(producer, "produce", destination, b"1", headers=[("a", b"1")]),
            "send: value of a wrong type": lambda producer, _: unsendable(producer, destination),
            "poll: timeout of a wrong type": lambda _, consumer: bad(consumer, "poll", "soon"),
            "poll: unknown argument": lambda _, consumer: bad(consumer, "poll", bogus=1),
            "consume: a negative number": lambda _, consumer: bad(consumer, "consume", -1),
            "consume: unknown argument": lambda _, consumer: bad(consumer, "consume", bogus=1),
            "commit: too many": lambda _, consumer: bad(consumer, "commit", *[None] * 9),
            "commit: two kinds": lambda _, consumer: bad(consumer, "commit", message=1, offsets=1),
            "commit: no message": lambda _, consumer: bad(consumer, "commit", message=1),
            "commit: nothing": lambda _, consumer: bad(consumer, "commit", asynchronous=False),
            "store_offsets: nothing": lambda _, consumer: bad(consumer, "store_offsets"),
            "seek: nowhere": lambda _, consumer: bad(consumer, "seek", None),
            "assign: no list": lambda _, consumer: bad(consumer, "assign", 7),
        }


def bad(client: Any, name: str, *args: Any, **kwargs: Any) -> object:
    """Make a call that the library refuses."""
    return client.events.run(called(client.native, name, *args, **kwargs))


def unsendable(producer: Any, destination: str) -> object:
    """Have it send what it can't, and would have it try again at its close."""
    try:
        return bad(producer, "produce", destination, 1)
    finally:
        bad(producer, "purge")


async def called(native: Any, name: str, *args: Any, **kwargs: Any) -> object:
    return await getattr(native, name)(*args, **kwargs)


DRIVER = ConfluentKafkaAsyncio()
