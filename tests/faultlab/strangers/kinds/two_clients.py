"""A migration sends one topic by an old and a new client: their partitioners differ, or have been told not to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP = "accounts"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(6)
    books.run("ledger-old", old, library, topic)
    books.run("ledger-new", new, topic, faulty)
    books.run("accounts", accounts, library, topic)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA303", where={"destination": topic})


def old(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"old-{n}", "account": f"ac-{n % 12}"} for n in range(36)], "account")


def new(topic: str, faulty: bool) -> None:
    from confluent_kafka import Producer

    config: dict[str, Any] = {"bootstrap.servers": kafka(), "acks": "all"}
    producer = Producer(config if faulty else {**config, "partitioner": "murmur2_random"})
    for number in range(36):
        event = {"id": f"new-{number}", "account": f"ac-{number % 12}"}
        note("sent", event["id"], to=topic)
        producer.produce(topic, json.dumps(event), key=event["account"])
    producer.flush(30)


def accounts(library: str, topic: str) -> None:
    def book(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=GROUP)
        note("done", event["id"], message, group=GROUP)

    work(library, topic, GROUP, book)
