"""A FastStream service whose handler fails at some orders: by its defaults they are gone, or it has them once more."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish
from faultlab.strangers.rabbit_house import publish as publish_by_rabbit
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "aio-pika")
GROUP = "fulfilment"
log = logging.getLogger("fulfilment")


def play(books: Books, library: str, faulty: bool) -> None:
    by_kafka = library == "aiokafka"
    place = books.topic(1) if by_kafka else books.queue()
    with books.running("fulfilment", by_aiokafka if by_kafka else by_aio_pika, place, faulty) as service:
        books.run("shop", shop, by_kafka, place)
        books.wait("done", 18 if faulty else 20)
        books.stop(service)
    if by_kafka:
        books.close_topic(place, GROUP)
    else:
        books.close_queue(place)


def shop(by_kafka: bool, place: str) -> None:
    orders = [{"id": f"o-{n}", "sku": "none" if n in {4, 13} else f"sku-{n}"} for n in range(20)]
    publish("aiokafka", place, orders) if by_kafka else publish_by_rabbit("aio-pika", place, orders)


class Warehouse:
    """Packs what is in stock; what is not has come at the second look, unless it never does."""

    def __init__(self, never: bool) -> None:
        self.never = never
        self.missing: set[str] = set()

    async def pack(self, order: dict[str, Any], message: Any, group: str | None = None) -> None:
        note("began", order["id"], message, group=group)
        await asyncio.sleep(0.01)
        if order["sku"] == "none" and (self.never or order["id"] not in self.missing):
            self.missing.add(order["id"])
            note("failed", order["id"], message, group=group)
            raise LookupError(order["id"])
        note("done", order["id"], message, group=group)


def by_aiokafka(topic: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.kafka import KafkaBroker, KafkaMessage

    broker, warehouse = KafkaBroker(kafka()), Warehouse(faulty)
    more: dict[str, Any] = {} if faulty else {"ack_policy": AckPolicy.NACK_ON_ERROR}

    async def on_order(order: dict[str, Any], message: KafkaMessage) -> None:
        await warehouse.pack(order, message.raw_message, GROUP)

    on_order.__annotations__ = {"order": dict, "message": KafkaMessage, "return": None}
    broker.subscriber(topic, group_id=GROUP, auto_offset_reset="earliest", auto_commit_interval_ms=200, **more)(
        on_order
    )
    asyncio.run(FastStream(broker).run())


def by_aio_pika(queue: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker, warehouse = RabbitBroker(url()), Warehouse(faulty)
    more: dict[str, Any] = {} if faulty else {"ack_policy": AckPolicy.NACK_ON_ERROR}

    async def on_order(order: dict[str, Any], message: RabbitMessage) -> None:
        await warehouse.pack(order, message.raw_message)

    on_order.__annotations__ = {"order": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True), **more)(on_order)
    asyncio.run(FastStream(broker).run())
