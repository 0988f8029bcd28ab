"""A notifier never commits and is deployed twice: its group begins anew each time. A cache is to do so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, kafka_python, publish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "notifier"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("prices", prices, library, topic)
    for _ in range(2):
        books.run("notifier" if faulty else "price-cache", notifier if faulty else cache, library, topic)
    books.close_topic(topic)


def prices(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"price-{n}", "sku": n % 5} for n in range(25)])


def messages(library: str, topic: str, group: str | None) -> Iterator[tuple[dict[str, Any], Any]]:
    if library == "kafka-python":
        consumer = kafka_python(topic, "", group_id=group)
        for record in consumer:
            yield json.loads(record.value), record
        consumer.close()
        return
    reader = confluent(topic, group or "cache-of-no-group")
    while (message := reader.poll(8)) is not None:
        if not message.error():
            yield json.loads(message.value()), message
    reader.close()


def notifier(library: str, topic: str) -> None:
    for price, message in messages(library, topic, GROUP):
        note("began", price["id"], message, group=GROUP)
        note("done", price["id"], message, group=GROUP)  # a mail to who waits for that price


def cache(library: str, topic: str) -> None:
    known: dict[int, str] = {}
    for price, message in messages(library, topic, None):
        note("began", price["id"], message)
        known[price["sku"]] = price["id"]
        note("done", price["id"], message, meant=True)
