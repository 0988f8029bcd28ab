"""aiokafka, 0.10 and later."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from support.eventloop import EventLoop

from drivers._kafka import BACKOFF, LIMIT, RecordConsumer, RecordDriver, RecordProducer
from drivers.base import (
    AsyncConsumer,
    Can,
    Pending,
    Reading,
    Receipt,
    Sending,
    Shape,
    Verbs,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Mapping

    from drivers.base import BadCall, Hook

IMPATIENT = 1500  # ms


def hooked(hook: Hook | None) -> Callable[[Any], Any] | None:
    """Give a serialiser or deserialiser that calls it."""
    return None if hook is None else lambda value: (hook(), value)[1]


class Future(Pending):
    def __init__(self, native: asyncio.Future[Any], events: EventLoop) -> None:
        self.native = native
        self.events = events

    async def _answer(self) -> Any:
        return await self.native

    def wait(self) -> Receipt:
        record = self.events.run(self._answer())
        return Receipt(record, record and record.partition, record and record.offset)


class AioProducer(RecordProducer):
    fields: ClassVar = ("topic", "value", "key", "partition", "timestamp_ms", "headers")

    def __init__(self, address: str, topic: str, how: Sending) -> None:
        self.topic = topic
        self.events = EventLoop()
        self.native = self.events.run(self._start(address, how))

    @staticmethod
    async def _start(address: str, how: Sending) -> AIOKafkaProducer:
        options: dict[str, Any] = {"client_id": how.client} if how.client else {}
        options |= {"request_timeout_ms": IMPATIENT} if how.impatient else {}
        native = AIOKafkaProducer(
            bootstrap_servers=address,
            acks="all" if how.acks else 0,
            value_serializer=hooked(how.hook),
            max_request_size=LIMIT,
            retry_backoff_ms=BACKOFF,
            **options,
        )
        await native.start()
        return native

    def sent(self, *args: Any, **kwargs: Any) -> Pending:
        return Future(self.events.run(self.native.send(*args, **kwargs)), self.events)

    def flush(self) -> None:
        self.events.run(self.native.flush())

    def close(self) -> None:
        self.events.run(self.native.stop())

    def abandon(self) -> None:
        with suppress(asyncio.TimeoutError):
            self.events.run(asyncio.wait_for(self.native.stop(), 0.1))


class AioConsumer(RecordConsumer, AsyncConsumer):
    """Starts when it is first used: from then on it fetches ahead, and a batch is what is there at the time."""

    def __init__(self, address: str, topics: tuple[str, ...], how: Reading) -> None:
        super().__init__()
        self.started = False
        self.native = self.events.run(self._make(address, topics, how))

    async def start(self) -> None:
        if not self.started:
            self.started = True
            await self.native.start()

    @staticmethod
    async def _make(address: str, topics: tuple[str, ...], how: Reading) -> AIOKafkaConsumer:
        options: dict[str, Any] = {"client_id": how.client} if how.client else {}
        return AIOKafkaConsumer(
            *topics,
            bootstrap_servers=address,
            group_id=how.group,
            value_deserializer=hooked(how.hook),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
            retry_backoff_ms=BACKOFF,
            **options,
        )

    def close(self) -> None:
        self.started = True
        self.events.run(self.native.stop())

    def iterator(self) -> AsyncIterable[Any]:
        consumer: AsyncIterable[Any] = self.native
        return consumer

    async def one(self) -> Any:
        await self.start()
        return await self.native.getone()

    async def several(self, timeout: float) -> Any:
        await self.start()
        return await self.native.getmany(timeout_ms=int(timeout * 1000))

    def settle(self) -> None:
        self.events.run(self._settle())

    async def _settle(self) -> None:
        await self.start()
        await self.native.commit()

    def rewind(self) -> None:
        self.events.run(self.native.seek_to_beginning())


class Aiokafka(RecordDriver):
    name: ClassVar = "aiokafka"
    library: ClassVar = "aiokafka"
    module: ClassVar = "aiokafka"
    producers: ClassVar = AioProducer
    consumers: ClassVar = AioConsumer
    cannot: ClassVar = {
        Shape.LOOP: "its consumers are iterated with `async for`",
        Shape.CALLBACK: "its consumers call no code of the application for a message",
        Can.HOLD: "`flush` waits for lingering messages and does not send them",
        Can.SETTLE_LATER: "the application awaits a commit",
    }
    shapes: ClassVar = (Shape.ASYNC, Shape.PULL, Shape.BATCH)
    verbs: ClassVar = Verbs(send="send", receive="getmany", settle="commit", pull="getone")
    classes: ClassVar = (AIOKafkaProducer, AIOKafkaConsumer)
    sender: ClassVar = (AIOKafkaProducer, "send")

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:
        return {
            "send: no topic": lambda producer, _: bad(producer, "send"),
            "send: unknown argument": lambda producer, _: bad(producer, "send", destination, b"1", bogus=1),
            "send: argument twice": lambda producer, _: bad(producer, "send", destination, topic=destination),
            "send: too many": lambda producer, _: bad(producer, "send", destination, b"1", *[None] * 5),
            "send: neither key nor value": lambda producer, _: bad(producer, "send", destination),
            "send: value of a wrong type": lambda producer, _: bad(producer, "send", destination, 1),
            "send: no such partition": lambda producer, _: bad(producer, "send", destination, b"1", partition=9),
            "send_batch: no partition": lambda producer, _: bad(producer, "send_batch", None, destination),
            "getmany: not a partition": lambda _, consumer: bad(consumer, "getmany", "one"),
            "getmany: no records": lambda _, consumer: bad(consumer, "getmany", max_records=0),
            "getone: not a partition": lambda _, consumer: bad(consumer, "getone", "one"),
            "getone: unknown argument": lambda _, consumer: bad(consumer, "getone", bogus=1),
            "commit: too many": lambda _, consumer: bad(consumer, "commit", *[None] * 5),
            "commit: no group": lambda _, consumer: bad(consumer, "commit"),
            "commit: no offsets": lambda _, consumer: bad(consumer, "commit", 7),
            "send_offsets_to_transaction: none": lambda producer, _: bad(
                producer, "send_offsets_to_transaction", {}, "group"
            ),
        }


def bad(client: Any, name: str, *args: Any, **kwargs: Any) -> object:
    """Make a call that the library refuses."""
    return client.events.run(getattr(client.native, name)(*args, **kwargs))


DRIVER = Aiokafka()
