"""A ledger commits every ten bookings and dies of an order without a currency: after its restart it books some again.

The process ends with a traceback; the next release knows a currency for such orders. The twin commits what is booked
before the error leaves it, and so begins at the order that it died of.

Shown by: process spans of two processes of the group for one offset, both without an error, and no commit that is past
it between them (EDA202).
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, COUNT, EVERY, ODD = "order-ledger", 48, 10, 27


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    ledger = {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library]
    books.run("web-shop", shop, library, topic)
    with books.running("order-ledger", ledger, topic, faulty, False) as release:
        books.stage.finish(release, 1)
    with books.running("order-ledger", ledger, topic, faulty, True) as release:
        again = ODD % EVERY if faulty else 0
        books.wait("done", COUNT + again)
        books.stop(release)
    books.close_topic(topic, GROUP)
    assert books.count("done") == COUNT + again


def shop(library: str, topic: str) -> None:
    orders = [{"id": f"order-{n}", "cents": 100 * n, "currency": "" if n == ODD else "EUR"} for n in range(COUNT)]
    publish(library, topic, orders)


class Ledger:
    """Books orders, and says when ten are booked."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self.since = 0

    def book(self, message: Any) -> bool:
        order = value(message)
        note("began", order["id"], message, group=GROUP, pid=os.getpid())
        if not order["currency"] and not self.lenient:
            note("failed", order["id"], message, group=GROUP)
            raise ValueError(f"{order['id']} has no currency")
        note("done", order["id"], message, group=GROUP, pid=os.getpid())
        self.since += 1
        return self.since % EVERY == 0


def by_kafka_python(topic: str, faulty: bool, lenient: bool) -> None:
    from kafka import OffsetAndMetadata, TopicPartition

    stop, ledger = Stop(), Ledger(lenient)
    consumer = kafka_python(topic, GROUP, consumer_timeout_ms=300)
    while not stop.asked:
        for message in consumer:
            try:
                full = ledger.book(message)
            except ValueError:
                if not faulty:
                    place = TopicPartition(message.topic, message.partition)
                    consumer.commit({place: OffsetAndMetadata(message.offset, "", -1)})
                raise
            if full:
                consumer.commit()
            if stop.asked:
                break
    consumer.commit()
    consumer.close()


def by_aiokafka(topic: str, faulty: bool, lenient: bool) -> None:
    async def main() -> None:
        from aiokafka import TopicPartition

        stop, ledger = Stop(), Ledger(lenient)
        async with aio(topic, GROUP) as consumer:
            while not stop.asked:
                try:
                    message = await asyncio.wait_for(consumer.getone(), 0.5)
                except asyncio.TimeoutError:
                    continue
                try:
                    full = ledger.book(message)
                except ValueError:
                    if not faulty:
                        await consumer.commit({TopicPartition(message.topic, message.partition): message.offset})
                    raise
                if full:
                    await consumer.commit()
            await consumer.commit()

    asyncio.run(main())
