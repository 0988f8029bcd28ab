"""A nightly script produces a catalogue's prices and ends without a flush: the last of them never leave the process.

The producer lingers for a second, as somebody wanted larger batches. The twin has the same settings, looks at no
delivery report, either, and flushes.

Shown by: send spans with the `error.type` `eda.unresolved`, as the process ended before an answer (EDA102).
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP, COUNT = "price-tags", 240


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("nightly-prices", script, topic, faulty)
    books.run("price-tags", tags, library, topic)
    books.close_topic(topic, GROUP)
    stored = sum(line["what"] == "stored" for line in diary.read(books.file))
    assert 0 < stored < COUNT if faulty else stored == COUNT, stored


def script(topic: str, faulty: bool) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 1000, "compression.type": "gzip"})
    for number in range(COUNT):
        name = f"price-{number}"
        note("sent", name, to=topic)
        producer.produce(topic, json.dumps({"id": name, "cents": 100 + number}), name)
        producer.poll(0)
        time.sleep(0.02)
    if not faulty:
        producer.flush(60)


def tags(library: str, topic: str) -> None:
    def show(price: dict[str, Any], message: Any) -> None:
        note("began", price["id"], message, group=GROUP)
        note("done", price["id"], message, group=GROUP)

    work(library, topic, GROUP, show)
