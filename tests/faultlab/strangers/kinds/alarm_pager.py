"""A bridge from Kafka fills a bounded RabbitMQ queue while its reader is deployed: the oldest alarms drop out; or none.

The queue has no dead-letter exchange. The twin's queue refuses what is too much instead, and its bridge waits and
publishes again, until the reader has made room.

Shown by: the first of the bridge's send spans are of messages of which nobody has a process span, while later ones of
that queue have theirs (EDA104, a SUSPECT, as the broker says nothing). In the twin, refused sends have an error.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, finished, publish, value
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
GROUP, SERVICE, COUNT, ROOM = "alarm-bridge", "alarm-bridge", 60, 25
PATIENT: dict[str, Any] = {"session.timeout.ms": 30_000}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    queue = books.queue(max_length=ROOM, overflow="drop-head" if faulty else "reject-publish")
    books.run("detectors", detectors, topic)
    if faulty:
        books.run(SERVICE, bridge, library, topic, queue)
        with books.running("pager", pager, queue) as one:
            books.wait("done", ROOM, "pager")
            books.stop(one)
    else:
        with books.running(SERVICE, bridge, library, topic, queue) as one:
            books.wait("nacked", 1)
            with books.running("pager", pager, queue) as two:
                books.stage.finish(one)
                books.wait("done", COUNT, "pager")
                books.stop(two)
        for code in ("EDA101", "EDA106"):
            books.note("may", code=code, most="CONFIRMED", where={"service": SERVICE})
    books.close_topic(topic, GROUP)
    books.close_queue(queue)
    assert books.count("done", "pager") == (ROOM if faulty else COUNT)


def detectors(topic: str) -> None:
    publish("confluent-kafka", topic, [{"id": f"signal-{n}", "room": n % 11} for n in range(COUNT)])


def bridge(library: str, topic: str, queue: str) -> None:
    consumer, passed = confluent(topic, GROUP, **PATIENT), 0
    send = Pika(queue) if library == "pika" else AioPika(queue)
    while passed < COUNT:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        signal = value(message)
        note("began", signal["id"], message, group=GROUP)
        alarm = {"id": signal["id"].replace("signal", "alarm"), "room": signal["room"]}
        note("sent", alarm["id"], to=queue)
        send.alarm(alarm)
        note("done", signal["id"], message, group=GROUP)
        consumer.commit(message, asynchronous=False)
        passed += 1
    consumer.close()
    send.close()


class Pika:
    """Publishes, and waits if the queue is full."""

    def __init__(self, queue: str) -> None:
        self.queue, self.connection = queue, connect()
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def alarm(self, alarm: dict[str, Any]) -> None:
        from pika.exceptions import NackError

        while True:
            try:
                self.channel.basic_publish("", self.queue, json.dumps(alarm).encode())
            except NackError:
                note("nacked", alarm["id"])
                self.connection.sleep(0.3)
            else:
                return

    def close(self) -> None:
        self.connection.close()


class AioPika:
    """Does the same, with a loop and a connection for each alarm, as its team has it from an older service."""

    def __init__(self, queue: str) -> None:
        self.queue = queue

    def alarm(self, alarm: dict[str, Any]) -> None:
        finished(self._alarm(alarm))

    async def _alarm(self, alarm: dict[str, Any]) -> None:
        import aio_pika
        from aio_pika.exceptions import DeliveryError

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            while True:
                try:
                    message = aio_pika.Message(json.dumps(alarm).encode())
                    await channel.default_exchange.publish(message, routing_key=self.queue)
                except DeliveryError:
                    note("nacked", alarm["id"])
                    await asyncio.sleep(0.3)
                else:
                    return

    def close(self) -> None:
        """Nothing is open."""


def pager(queue: str) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(url())

    async def on_alarm(alarm: dict[str, Any], message: RabbitMessage) -> None:
        note("began", alarm["id"], message.raw_message)
        time.sleep(0.02)
        note("done", alarm["id"], message.raw_message)

    on_alarm.__annotations__ = {"alarm": dict, "message": RabbitMessage, "return": None}
    # The operator has made the queue.
    broker.subscriber(RabbitQueue(queue, durable=True, declare=False), ack_policy=AckPolicy.NACK_ON_ERROR)(on_alarm)
    asyncio.run(FastStream(broker).run())
