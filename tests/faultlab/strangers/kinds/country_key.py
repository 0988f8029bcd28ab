"""Clicks are keyed by country, and nine in ten are from one; its twin has no keys, and lets the client spread them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import batches, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "clickstream"
COUNTRIES = ["US"] * 27 + ["DE", "FR", "IN"]


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(6)
    books.run("tracker", tracker, topic, faulty)
    books.run("clickstream", clickstream, library, topic)
    books.close_topic(topic, GROUP)
    stored = Counter(line["at"]["partition"] for line in diary.read(books.file) if line["what"] == "stored")
    if faulty:
        books.note("must", code="EDA601", where={"destination": topic, "partition": stored.most_common(1)[0][0]})


def tracker(topic: str, keyed: bool) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 20})
    for number in range(1800):
        country = COUNTRIES[number % len(COUNTRIES)]
        click = {"id": f"c-{number}", "country": country}
        note("sent", click["id"], to=topic)
        producer.produce(topic, json.dumps(click), key=country if keyed else None)
        producer.poll(0)
    producer.flush(30)


def clickstream(library: str, topic: str) -> None:
    def write(batch: list[Any]) -> None:
        for message in batch:
            click = value(message)
            note("began", click["id"], message, group=GROUP)
            note("done", click["id"], message, group=GROUP, whole=True)

    batches(library, topic, GROUP, write, 200)
