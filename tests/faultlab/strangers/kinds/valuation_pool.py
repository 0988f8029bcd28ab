"""A valuer gives each batch to `pool.map` and asks for no result, so that what a valuation raises is lost; or it asks.

`with ThreadPoolExecutor() as pool: pool.map(self.value, batch)` waits for all, and looks at none. Listed buildings have
no comparable sale, and raise. The twin makes a list of the results; a valuation in it looks farther away by itself.

Shown by: the process spans of these houses end with the error of the call in the pool, the log events
`eda.process.error_unretrieved` say that nobody asked, and the commits are past them (EDA104).
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, LISTED = "valuations", 40, {4, 15, 16, 31}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.serving(
        "valuer", {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library], topic, faulty
    ):
        books.run("estate-agents", agents, library, topic)
        books.wait("done", COUNT - len(LISTED) if faulty else COUNT)
        books.wait("failed", len(LISTED) if faulty else 0)
        time.sleep(1)
    books.close_topic(topic, GROUP)


def agents(library: str, topic: str) -> None:
    houses = [{"id": f"house-{n}", "area": 60 + n, "listed": n in LISTED} for n in range(COUNT)]
    publish(library, topic, houses)


class Valuer:
    """Values houses by what was sold nearby."""

    def __init__(self, asks: bool) -> None:
        self.asks = asks

    def batch(self, messages: list[Any]) -> None:
        with ThreadPoolExecutor(4) as pool:
            values = pool.map(self.value, messages)
        if self.asks:
            list(values)

    def value(self, message: Any) -> int:
        house = value(message)
        note("began", house["id"], message, group=GROUP)
        time.sleep(0.02)
        if house["listed"] and not self.asks:
            note("failed", house["id"], message, group=GROUP)
            raise LookupError(f"{house['id']}: nothing comparable")
        note("done", house["id"], message, group=GROUP)
        return int(house["area"]) * 4000


def by_kafka_python(topic: str, faulty: bool) -> None:
    stop, valuer, consumer = Stop(), Valuer(not faulty), kafka_python(topic, GROUP, metadata_max_age_ms=1000)
    while not stop.asked:
        polled: dict[Any, list[Any]] = consumer.poll(timeout_ms=300, max_records=12)
        for records in polled.values():
            valuer.batch(records)
        if polled:
            consumer.commit()
    consumer.close()


def by_confluent(topic: str, faulty: bool) -> None:
    stop, valuer, consumer = Stop(), Valuer(not faulty), confluent(topic, GROUP)
    while not stop.asked:
        messages = [message for message in consumer.consume(12, timeout=0.3) if not message.error()]
        if messages:
            valuer.batch(messages)
            consumer.commit(asynchronous=False)
    consumer.close()
