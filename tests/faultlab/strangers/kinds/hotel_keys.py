"""A front desk publishes by kombu; who makes the keys refuses what it cannot handle, at a queue without dead letters.

A group's booking has no single room, so that the handler raises `KeyError`. The twin puts it back once, and by then the
group's rooms are known.

Shown by: the process span of such a message has `error.type`, and its settlement is a `reject` without
requeue (EDA104: LIKELY where `eda.settle.dead_letter` says that the queue has none, else a SUSPECT). The sender has no
spans, as kombu is not instrumented, so that messages have no context.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
COUNT, GROUPS = 32, {6, 15, 27}
log = logging.getLogger("keys")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("keys", {"pika": by_pika, "aio-pika": by_faststream}[library], queue, faulty) as keys:
        books.run("front-desk", front_desk, queue)
        books.wait("done", COUNT - len(GROUPS) if faulty else COUNT)
        books.wait("failed", len(GROUPS))
        books.stop(keys)
    books.close_queue(queue)
    assert books.stage.lab.rabbitmq.depth(queue) == 0
    if faulty:
        # FastStream declares its queue, and so tells that it has no exchange for dead letters. By pika nobody tells,
        # and a message without a context would not be known again.
        books.note("must", code="EDA104", least="SUSPECT" if library == "pika" else "LIKELY", where={"within": queue})


def front_desk(queue: str) -> None:
    from kombu.connection import Connection

    host, port = rabbitmq()
    connect: Any = Connection
    with connect(f"amqp://guest:guest@{host}:{port}//", transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer()
        for number in range(COUNT):
            stay = {"id": f"stay-{number}", "guest": number}
            stay["rooms" if number in GROUPS else "room"] = 100 + number
            note("handed", stay["id"])
            producer.publish(stay, exchange="", routing_key=queue, serializer="json", delivery_mode=2)


class Keys:
    """Makes the keys of rooms; the rooms of a group may be asked for."""

    def __init__(self, asks: bool) -> None:
        self.asks = asks
        self.rooms: dict[str, int] = {}

    def make(self, stay: dict[str, Any], message: Any) -> None:
        note("began", stay["id"], message)
        try:
            room = self.rooms.get(stay["id"]) or stay["room"]
        except KeyError:
            note("failed", stay["id"], message)
            if self.asks:
                self.rooms[stay["id"]] = stay["rooms"]
            raise
        log.debug("a key to room %s", room)
        note("done", stay["id"], message)


def by_pika(queue: str, faulty: bool) -> None:
    stop, keys, connection = Stop(), Keys(not faulty), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=4)

    def on_stay(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            keys.make(json.loads(body), properties)
        except KeyError as error:
            log.warning("no key: %r", error)
            ch.basic_reject(method.delivery_tag, requeue=not faulty)
        else:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_stay)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_faststream(queue: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker, keys = RabbitBroker(url()), Keys(not faulty)
    policy = AckPolicy.REJECT_ON_ERROR if faulty else AckPolicy.NACK_ON_ERROR

    async def on_stay(stay: dict[str, Any], message: RabbitMessage) -> None:
        keys.make(stay, message.raw_message)

    on_stay.__annotations__ = {"stay": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True), ack_policy=policy)(on_stay)
    asyncio.run(FastStream(broker).run())
