"""A FastStream service has what FastStream does by default: it acknowledges first, and prices of one shop fail.

The parser does not know the currency of one shop. FastStream logs the error, and the offset is committed behind the
scenes. The twin tells FastStream to put back what failed; the parser has loaded its currencies at the second try.

Shown by: the process spans of that shop's prices have an error, and the group has committed past them (EDA104).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, COUNT, SHOPS = "price-watch", 45, 9


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    ours = COUNT // SHOPS
    with books.serving("price-watch", watch, library, topic, faulty):
        books.run("crawler", crawler, library, topic)
        books.wait("done", COUNT - ours if faulty else COUNT)
        books.wait("failed", ours if faulty else 1)
        time.sleep(6)  # in which the offset is committed
    books.close_topic(topic, GROUP)


def crawler(library: str, topic: str) -> None:
    prices = [
        {"id": f"price-{n}", "shop": n % SHOPS, "price": "9 kr" if n % SHOPS == 4 else "9 EUR"} for n in range(COUNT)
    ]
    publish(library, topic, prices, key="shop")


class Parser:
    """Makes numbers of prices."""

    def __init__(self, whole: bool) -> None:
        self.whole = whole
        self.rates = {"EUR": 1.0}

    async def parse(self, price: dict[str, Any], record: Any) -> None:
        note("began", price["id"], record, group=GROUP)
        await asyncio.sleep(0.01)
        amount, currency = price["price"].split()
        if currency not in self.rates:
            note("failed", price["id"], record, group=GROUP)
            if self.whole:
                self.rates["kr"] = 0.09
            raise LookupError(f"no rate of {currency}")
        note("done", price["id"], record, group=GROUP)
        self.rates.setdefault("last", float(amount))


def _broker(library: str) -> tuple[Any, Any]:
    """Give the broker, and the class of its messages."""
    if library == "aiokafka":
        from faststream.kafka import KafkaBroker, KafkaMessage

        return KafkaBroker(kafka()), KafkaMessage
    from faststream.confluent import KafkaBroker as ConfluentBroker
    from faststream.confluent import KafkaMessage as ConfluentMessage

    return ConfluentBroker(kafka()), ConfluentMessage


def watch(library: str, topic: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream

    broker, kind = _broker(library)
    parser = Parser(whole=not faulty)
    more: dict[str, Any] = {} if faulty else {"ack_policy": AckPolicy.NACK_ON_ERROR}

    async def on_price(price: dict[str, Any], message: Any) -> None:
        await parser.parse(price, message.raw_message)

    on_price.__annotations__ = {"price": dict, "message": kind, "return": None}
    broker.subscriber(topic, group_id=GROUP, auto_offset_reset="earliest", **more)(on_price)
    asyncio.run(FastStream(broker).run())
