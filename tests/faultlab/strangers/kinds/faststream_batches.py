"""Two groups in a FastStream service, one by the batch: a batch that fails is logged and acknowledged, or put back."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
BOOKS, MAIL = "bookkeeping", "mail"
log = logging.getLogger("bookkeeping")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("shop", shop, library, topic, 0, 20)
    with books.running("back-office", back_office, library, topic, faulty) as service:
        books.wait("through", 20)
        books.run("shop", shop, library, topic, 20, 40)
        books.wait("through", 40)
        books.wait("mailed", 40)
        books.stop(service)
    books.close_topic(topic, BOOKS, MAIL)


def shop(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"order-{n}", "vip": n % 4 == 0} for n in range(first, last)])


class Ledger:
    """A table that is locked when it is written to for the second time."""

    def __init__(self) -> None:
        self.writes = 0

    def write(self, batch: Any) -> None:
        self.writes += 1
        for message in batch:
            note("began", value(message)["id"], message, group=BOOKS)
        if self.writes == 2:
            for message in batch:
                note("failed", value(message)["id"], message, group=BOOKS, whole=True)
            raise TimeoutError("the ledger is locked")
        for message in batch:
            note("done", value(message)["id"], message, group=BOOKS, whole=True)


async def mail(order: dict[str, Any], message: Any) -> None:
    note("began", order["id"], message, group=MAIL)
    await asyncio.sleep(0.002)
    note("done" if order["vip"] else "filtered", order["id"], message, group=MAIL)
    note("mailed", order["id"])


def back_office(library: str, topic: str, faulty: bool) -> None:
    if library == "aiokafka":
        from faststream.kafka import KafkaBroker, KafkaMessage
    else:
        from faststream.confluent import KafkaBroker, KafkaMessage  # type: ignore[assignment]
    from faststream import AckPolicy, FastStream

    broker, ledger = KafkaBroker(kafka()), Ledger()

    async def keep(orders: list[dict[str, Any]], message: KafkaMessage) -> None:
        batch: Any = message.raw_message
        try:
            ledger.write(batch)
        except TimeoutError:
            log.exception("%d orders were not written", len(orders))
            if not faulty:
                await message.nack()
                return
            for one in batch:
                note("logged", value(one)["id"])
        for one in batch:
            note("through", value(one)["id"])
        await message.ack()

    async def on_order(order: dict[str, Any], message: KafkaMessage) -> None:
        await mail(order, message.raw_message)

    keep.__annotations__ = {"orders": list[dict[str, Any]], "message": KafkaMessage, "return": None}
    on_order.__annotations__ = {"order": dict, "message": KafkaMessage, "return": None}
    common: dict[str, Any] = {"auto_offset_reset": "earliest"}
    broker.subscriber(topic, group_id=BOOKS, batch=True, max_records=5, ack_policy=AckPolicy.MANUAL, **common)(keep)
    broker.subscriber(topic, group_id=MAIL, ack_policy=AckPolicy.ACK, **common)(on_order)
    asyncio.run(FastStream(broker).run())
