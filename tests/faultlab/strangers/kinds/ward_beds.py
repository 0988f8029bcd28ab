"""A service runs two consumers by `gather`: one dies of an error that nobody sees; or a supervisor begins it anew.

Admissions come by Kafka, discharges by RabbitMQ. A discharge from a ward that is not known ends the task that reads the
queue; aio-pika refuses that message as the error leaves its `process()`. The service lives on, and looks well. The
twin's supervisor begins the task anew, and the discharge is put back; the ward is known by then.

Shown by: the process span of that discharge has the error and a reject span without requeue (EDA104). After it there
are sends to the queue and nobody's process spans, while the service has spans of its other consumer (EDA504).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING

from faultlab.strangers import rabbit_house
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note, where
from faultlab.strangers.kafka_house import aio
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
GROUP, COUNT, STRANGE, REST = "ward-beds", 15, 11, 25


def play(books: Books, library: str, faulty: bool) -> None:
    topic, queue = books.topic(1), books.queue()
    with books.running("ward-beds", beds, topic, queue, faulty) as service:
        books.wait("up", 1)
        books.run("hospital", hospital, topic, queue, 0, COUNT)
        books.wait("began", COUNT + STRANGE + 1)
        time.sleep(1)
        books.run("hospital", hospital, topic, queue, COUNT, COUNT + REST)
        every = COUNT + REST
        books.wait("done", every + STRANGE if faulty else every * 2)
        time.sleep(3)
        books.run("hospital", hospital, topic, queue, every, every + 1)
        books.wait("done", every + 1 + STRANGE if faulty else (every + 1) * 2)
        books.stop(service)
    books.close_topic(topic, GROUP)
    books.close_queue(queue)
    if faulty:
        assert books.stage.lab.rabbitmq.depth(queue) > REST
        books.note("must", code="EDA504", where={"within": queue})


def hospital(topic: str, queue: str, first: int, last: int) -> None:
    """Somebody comes, and somebody goes."""

    async def admissions() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            for number in range(first, last):
                note("sent", f"in-{number}", to=topic)
                await producer.send_and_wait(topic, json.dumps({"id": f"in-{number}"}).encode(), b"%d" % number)
                await asyncio.sleep(0.05)

    asyncio.run(admissions())
    discharges = [{"id": f"out-{n}", "ward": "3b" if n == STRANGE else f"{n % 4}a"} for n in range(first, last)]
    rabbit_house.publish("aio-pika", queue, discharges)


class Wards:
    """Beds by ward; the twin looks again which wards there are."""

    def __init__(self) -> None:
        self.free = dict.fromkeys(("0a", "1a", "2a", "3a"), 0)

    def leave(self, ward: str) -> None:
        self.free[ward] += 1

    def learn(self) -> None:
        self.free.setdefault("3b", 0)


async def read_admissions(topic: str) -> None:
    consumer = aio(topic, GROUP)
    await consumer.start()
    try:
        async for record in consumer:
            event = json.loads(record.value)
            note("began", event["id"], record, group=GROUP)
            note("done", event["id"], record, group=GROUP)
            await consumer.commit()
    finally:
        await consumer.stop()


async def read_discharges(queue: str, wards: Wards, faulty: bool) -> None:
    import aio_pika

    async with await aio_pika.connect_robust(url()) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=5)
        source = await channel.get_queue(queue)
        async with source.iterator() as messages:
            async for message in messages:
                async with message.process(requeue=not faulty):
                    event = json.loads(message.body)
                    note("began", event["id"], message)
                    try:
                        wards.leave(event["ward"])
                    except KeyError:
                        note("failed", event["id"], message)
                        if faulty:
                            note("must", code="EDA104", where={"created": where(message)["created"]})
                        raise
                    note("done", event["id"], message)


async def supervised(read: Callable[[], Awaitable[None]], wards: Wards) -> None:
    while True:
        try:
            await read()
        except KeyError:
            wards.learn()
            await asyncio.sleep(0.5)


def beds(topic: str, queue: str, faulty: bool) -> None:
    async def main() -> None:
        wards, ended = Wards(), asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

        async def discharges() -> None:
            await read_discharges(queue, wards, faulty)

        both = asyncio.gather(
            read_admissions(topic),
            discharges() if faulty else supervised(discharges, wards),
            return_exceptions=True,
        )
        note("up")
        await ended.wait()
        both.cancel()
        await asyncio.wait([both])

    asyncio.run(main())
