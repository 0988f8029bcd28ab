"""A consumer is off for longer than its topic keeps messages; its twin's topic keeps the latest of each key."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "newsdesk"
DELETED = {"retention.ms": "1500", "segment.ms": "300"}
COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "100",
    "max.compaction.lag.ms": "300",
}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1, **(DELETED if faulty else COMPACTED))
    with books.running("newsdesk", read, topic) as newsdesk:
        time.sleep(3)
        books.run("agency", agency, topic, 0, 10)
        books.wait("done", 10)
        books.stop(newsdesk)
    for first in (10, 25):  # Saturday, Sunday
        books.run("agency", agency, topic, first, 15, not faulty)
        time.sleep(3)
    with books.running("newsdesk", read, topic) as newsdesk:
        time.sleep(3)
        books.run("agency", agency, topic, 40, 10)
        books.wait("done", 20 if faulty else 23)
        time.sleep(2)
        books.stop(newsdesk)
    if faulty:
        books.note("ages", to=topic)
    books.close_topic(topic, GROUP)


def agency(topic: str, first: int, count: int, withdraws: bool = False) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka())
    for number in range(first, first + count):
        story = {"id": f"story-{number}", "version": number}
        slug = f"slug-{number % 4 if 10 <= number < 40 else number}"
        body = None if withdraws and number % 8 == 7 else json.dumps(story).encode()
        event = slug if body is None else story["id"]  # as readers call it, too
        note("sent", event, to=topic)
        note("acked", event, producer.send(topic, body, slug.encode()).get(10))
    producer.close()


def read(topic: str) -> None:
    stop, consumer = Stop(), kafka_python(topic, GROUP, consumer_timeout_ms=500)
    while not stop.asked:
        for message in consumer:
            event = json.loads(message.value)["id"] if message.value else message.key.decode()
            note("began", event, message, group=GROUP)
            note("done", event, message, group=GROUP)
            consumer.commit()
    consumer.close()
