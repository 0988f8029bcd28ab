"""A sensor's host has a clock that is ahead; in the twin the messages' own times are of when the sensor measured."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "climate"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.elsewhere(45.0 if faulty else 0.0, "sensor", measure, topic, faulty)
    books.run("climate", climate, library, topic)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA702", where={})


def measure(topic: str, now: bool) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for number in range(30):
        reading = {"id": f"r-{number}", "celsius": 20 + number % 3}
        note("sent", reading["id"], to=topic)
        # Every third one was kept while there was no network, and some of those by a device in another time zone.
        measured = 0 if now else int((time.time() - 1800 * (number % 3) + 5400 * (number % 6 == 5)) * 1000)
        producer.produce(topic, json.dumps(reading), key=str(number % 5), timestamp=measured)
        producer.poll(0)
        time.sleep(0.02)
    producer.flush(30)


def climate(library: str, topic: str) -> None:
    def store(reading: dict[str, Any], message: Any) -> None:
        note("began", reading["id"], message, group=GROUP)
        note("done", reading["id"], message, group=GROUP)

    work(library, topic, GROUP, store)
