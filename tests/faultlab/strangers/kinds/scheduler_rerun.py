"""A nightly export crashes half-way, and the scheduler runs all of it again; or the second run begins where it stopped.

The events have ids in a header. Shown by: the same id on send spans of two processes at two offsets of the topic, and
on the process spans of the reader (EDA201).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "warehouse"
COUNT, CRASH = 20, 12
MORE: dict[str, Any] = {"session.timeout.ms": 20_000}


def play(books: Books, library: str, faulty: bool) -> None:
    topic, checkpoint = books.topic(1), str(books.file.with_suffix(".checkpoint"))
    with books.serving("warehouse", warehouse, topic):
        books.wait("up", 1)
        books.run("nightly-export", export, topic, checkpoint, faulty, 1, status=1)
        books.run("nightly-export", export, topic, checkpoint, faulty, 2)
        books.wait("done", COUNT + (CRASH if faulty else 0))
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA201", where={"within": topic})


def export(topic: str, checkpoint: str, faulty: bool, attempt: int) -> None:
    from confluent_kafka import Producer

    producer, place = Producer({"bootstrap.servers": kafka(), "client.id": "nightly-export"}), Path(checkpoint)
    first = int(place.read_text("utf-8")) if place.exists() and not faulty else 0
    try:
        for number in range(first, COUNT):
            if attempt == 1 and number == CRASH:
                raise ConnectionError("the database went away")
            send(producer, topic, number)
            place.write_text(str(number + 1), "utf-8")
    finally:
        producer.flush(60)


def send(producer: Any, topic: str, number: int) -> None:
    name = f"contract-{number}"
    note("sent", name, to=topic)
    headers = [("ce_id", f"2026-01-31/{name}".encode()), ("ce_type", b"contract.changed")]
    producer.produce(topic, json.dumps({"id": name}), key=name, headers=headers)


def warehouse(topic: str) -> None:
    stop, consumer = Stop(), confluent(topic, GROUP, **MORE)
    note("up")
    while not stop.asked:
        message = consumer.poll(0.5)
        if message is None or message.error():
            continue
        name = value(message)["id"]
        note("began", name, message, group=GROUP)
        note("done", name, message, group=GROUP)
        consumer.commit(message, asynchronous=False)
    consumer.close()
