"""A relay from Kafka to RabbitMQ has a queue inside, commits what it has read, and is killed; or what it has done.

What was in the queue is gone, as it was committed. The twin commits by the lowest offset that is still in work, and is
told to end: it empties its queue before it does.

Shown by: the commit spans of the first process have offsets above those of its process spans and its sends, and the
second process goes on from there: nobody has a process span or a send of what lies between (EDA104).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers import rabbit_house
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish, value
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP, COUNT, ROOM = "pixel-relay", 200, 60
FIRST, IDLE = 80, 10  # empty polls


def play(books: Books, library: str, faulty: bool) -> None:
    topic, queue = books.topic(2), books.queue()
    books.run("pixels", pixels, library, topic)
    with books.running("pixel-relay", relay, topic, queue, faulty) as one:
        books.wait("done", 40, "pixel-relay")
        if faulty:
            books.kill("pixel-relay", one)
        else:
            books.stop(one)
    books.run("pixel-relay", relay, topic, queue, faulty)
    books.run("ads", ads, queue)
    books.close_topic(topic, GROUP)
    books.close_queue(queue)


def pixels(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"pixel-{n}", "page": n % 9} for n in range(COUNT)])


def ads(queue: str) -> None:
    def count(pixel: dict[str, Any], message: Any) -> str:
        note("began", pixel["id"], message)
        note("done", pixel["id"], message)
        return "ack"

    rabbit_house.work("aio-pika", queue, count, prefetch=20, idle=5)


class Relay:
    """A reader, four forwarders, and a committer, on one loop."""

    def __init__(self, consumer: Any, exchange: Any, queue: str, careless: bool) -> None:
        self.consumer, self.exchange, self.queue, self.careless = consumer, exchange, queue, careless
        self.waiting: asyncio.Queue[Any] = asyncio.Queue(ROOM)
        self.open: dict[Any, set[int]] = {}
        self.next: dict[Any, int] = {}
        self.ended = asyncio.Event()

    async def read(self) -> None:
        empty = -FIRST
        while not self.ended.is_set() and empty < IDLE:
            found = await self.consumer.getmany(timeout_ms=500, max_records=20)
            empty = 0 if found else empty + 1
            for partition, records in found.items():
                for record in records:
                    self.open.setdefault(partition, set()).add(record.offset)
                    await self.waiting.put(record)
                    self.next[partition] = record.offset + 1

    async def forward(self) -> None:
        import aio_pika

        while True:
            record = await self.waiting.get()
            pixel = value(record)
            note("began", pixel["id"], record, group=GROUP)
            await asyncio.sleep(0.1)
            note("sent", pixel["id"], to=self.queue)
            await self.exchange.publish(aio_pika.Message(record.value), routing_key=self.queue)
            note("done", pixel["id"], record, group=GROUP)
            self.settled(record)
            self.waiting.task_done()

    def settled(self, record: Any) -> None:
        for partition, offsets in self.open.items():
            if (partition.topic, partition.partition) == (record.topic, record.partition):
                offsets.discard(record.offset)

    async def commit(self) -> None:
        while True:
            await asyncio.sleep(0.3)
            await self.save()

    async def save(self) -> None:
        if self.careless:
            await self.consumer.commit()
            return
        done = {one: min(self.open[one], default=offset) for one, offset in self.next.items()}
        if done:
            await self.consumer.commit(done)


def relay(topic: str, queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection, aio(topic, GROUP) as consumer:
            channel = await connection.channel()
            one = Relay(consumer, channel.default_exchange, queue, faulty)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, one.ended.set)
            tasks = [asyncio.create_task(one.forward()) for _ in range(4)]
            tasks.append(asyncio.create_task(one.commit()))
            await one.read()
            await one.waiting.join()
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await one.save()

    asyncio.run(main())
