"""A FastStream service acknowledges first, by its default or to be quick, and runs out of memory; or acknowledges last.

The group has committed the parcel that the process had when it was killed, and no span says that anybody finished it
(EDA104). RabbitMQ knows no places: there only the sender's span tells, and nobody who had the message: a SUSPECT.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish
from faultlab.strangers.rabbit_house import publish as publish_by_rabbit
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "aio-pika")
GROUP, COUNT, BULKY, MEMORY = "labels", 24, 11, "LABELS_MEMORY"
NIGHT = 16  # parcels come before it, and the others after it


def play(books: Books, library: str, faulty: bool) -> None:
    by_kafka = library == "aiokafka"
    place = books.topic(1) if by_kafka else books.queue()
    labels = by_aiokafka if by_kafka else by_aio_pika
    books.run("depot", depot, by_kafka, place, 0, NIGHT)
    with books.running("labels", labels, place, faulty) as first:
        books.wait("bulky", 1)
        time.sleep(2)
        books.kill("labels", first)
    with books.running("labels", labels, place, faulty, environ={MEMORY: "2g"}) as second:
        books.run("depot", depot, by_kafka, place, NIGHT, COUNT)
        books.wait("done", COUNT - 1 if faulty else COUNT)
        books.stop(second)
    if by_kafka:
        books.close_topic(place, GROUP)
    else:
        books.close_queue(place)


def depot(by_kafka: bool, place: str, begin: int, end: int) -> None:
    parcels = [{"id": f"parcel-{n}", "pages": 900 if n == BULKY else 1} for n in range(begin, end)]
    publish("aiokafka", place, parcels) if by_kafka else publish_by_rabbit("aio-pika", place, parcels)


async def draw(parcel: dict[str, Any], message: Any, group: str | None = None) -> None:
    """Draw the labels of a parcel; those of a bulky one need more memory than the first process has."""
    note("began", parcel["id"], message, group=group)
    if parcel["pages"] > 100 and MEMORY not in os.environ:
        note("bulky", parcel["id"])
        await asyncio.sleep(60)
    await asyncio.sleep(0.03)
    note("done", parcel["id"], message, group=group)


def by_aiokafka(topic: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.kafka import KafkaBroker, KafkaMessage

    broker = KafkaBroker(kafka())

    async def on_parcel(parcel: dict[str, Any], message: KafkaMessage) -> None:
        await draw(parcel, message.raw_message, GROUP)

    on_parcel.__annotations__ = {"parcel": dict, "message": KafkaMessage, "return": None}
    more: dict[str, Any] = {"auto_commit_interval_ms": 500} if faulty else {"ack_policy": AckPolicy.NACK_ON_ERROR}
    session: dict[str, Any] = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
    broker.subscriber(topic, group_id=GROUP, auto_offset_reset="earliest", **session, **more)(on_parcel)
    asyncio.run(FastStream(broker).run())


def by_aio_pika(queue: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(url(), default_channel=Channel(prefetch_count=1))

    async def on_parcel(parcel: dict[str, Any], message: RabbitMessage) -> None:
        await draw(parcel, message.raw_message)

    on_parcel.__annotations__ = {"parcel": dict, "message": RabbitMessage, "return": None}
    policy = AckPolicy.ACK_FIRST if faulty else AckPolicy.REJECT_ON_ERROR
    broker.subscriber(RabbitQueue(queue, durable=True), ack_policy=policy)(on_parcel)
    asyncio.run(FastStream(broker).run())
