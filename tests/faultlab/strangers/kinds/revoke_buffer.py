"""A lake writer collects rows; at a rebalance it commits and forgets what it has collected, or writes that first."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "lake-writer"
ROWS = 20


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(4)
    with books.running("lake-writer", write, topic, faulty) as first:
        books.wait("assigned", 1)
        books.run("meters", meters, topic, 0, 50)
        books.wait("began", 50)
        with books.running("lake-writer", write, topic, faulty) as second:
            books.wait("assigned", 3)
            books.run("meters", meters, topic, 50, 110)
            books.wait("began", 110)
            books.stop(first)
            books.stop(second)
    books.close_topic(topic, GROUP)


def meters(topic: str, first: int, last: int) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for number in range(first, last):
        reading = {"id": f"kwh-{number}", "meter": number % 16, "kwh": number * 0.1}
        note("sent", reading["id"], to=topic)
        producer.produce(topic, json.dumps(reading), partition=number % 4)
        producer.poll(0)
        time.sleep(0.01)
    producer.flush(30)


class Lake:
    """Rows on their way into a file."""

    def __init__(self, consumer: Any, faulty: bool) -> None:
        self.consumer = consumer
        self.faulty = faulty
        self.rows: list[Any] = []

    def add(self, message: Any) -> None:
        note("began", value(message)["id"], message, group=GROUP)
        self.rows.append(message)
        if len(self.rows) >= ROWS:
            self.flush()

    def flush(self) -> None:
        if not self.rows:
            return
        time.sleep(0.05)
        for message in self.rows:
            note("done", value(message)["id"], message, group=GROUP)
        self.rows.clear()
        self.consumer.commit(asynchronous=False)

    @staticmethod
    def assigned(_: Any, partitions: list[Any]) -> None:
        note("assigned", partitions=[one.partition for one in partitions])

    def revoked(self, consumer: Any, _: list[Any]) -> None:
        if self.faulty and self.rows:
            consumer.commit(asynchronous=False)
            self.rows.clear()  # whoever gets the partitions will write them
        else:
            self.flush()


def write(topic: str, faulty: bool) -> None:
    from confluent_kafka import Consumer

    stop = Stop()
    consumer = Consumer(
        {
            "bootstrap.servers": kafka(),
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
        }
    )
    lake = Lake(consumer, faulty)
    consumer.subscribe([topic], on_assign=lake.assigned, on_revoke=lake.revoked)
    while not stop.asked:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            lake.add(message)
    consumer.close()
