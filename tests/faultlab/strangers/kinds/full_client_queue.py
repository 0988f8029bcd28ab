"""A probe produces faster than its client's queue empties: what does not fit is counted and dropped, or waits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import batches, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "flows"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(3)
    books.run("probe", probe, topic, faulty)
    books.run("flows", flows, library, topic)
    books.close_topic(topic, GROUP)


def probe(topic: str, faulty: bool) -> None:
    from confluent_kafka import Producer

    dropped = 0
    producer = Producer({"bootstrap.servers": kafka(), "queue.buffering.max.messages": 40, "linger.ms": 100})
    for number in range(200):
        flow: dict[str, Any] = {"id": f"flow-{number}", "bytes": number * 64}
        note("sent", flow["id"], to=topic)
        while True:
            try:
                producer.produce(topic, json.dumps(flow), key=flow["id"])
                break
            except BufferError:
                note("refused", flow["id"], to=topic)
                if faulty:
                    dropped += 1
                    break
                producer.poll(0.05)
        producer.poll(0)
    producer.flush(30)


def flows(library: str, topic: str) -> None:
    def store(batch: list[Any]) -> None:
        for message in batch:
            note("began", value(message)["id"], message, group=GROUP)
            note("done", value(message)["id"], message, group=GROUP)

    batches(library, topic, GROUP, store)
