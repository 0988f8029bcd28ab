"""A renderer of maps commits every tenth order, and not when it loses a partition: a second one renders some again.

Its twin commits what it has done when it is asked to give a partition back. Shown by: process spans of one offset in
two processes, one after the other and both without an error, the commit spans in between are not past it, and the log
records `eda.consumer.revoked` and `eda.consumer.assigned` (EDA202).
"""

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
GROUP, COUNT, LATER, EVERY = "tiles", 34, 20, 10


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.running("tiles", by_confluent, topic, faulty) as first:
        books.run("editors", editors, topic, 0, COUNT)
        books.wait("done", COUNT)
        with books.running("tiles", by_confluent, topic, faulty) as second:
            books.wait("given", 1)
            books.run("editors", editors, topic, COUNT, COUNT + LATER)
            books.wait("last", 2)
            time.sleep(3)
            books.stop(second)
            books.stop(first)
    books.close_topic(topic, GROUP)


def editors(topic: str, first: int, end: int) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for number in range(first, end):
        note("sent", f"tile-{number}", to=topic)
        tile = {"id": f"tile-{number}", "last": number >= COUNT + LATER - 2}
        producer.produce(topic, json.dumps(tile), partition=number % 2)
    producer.flush(30)


class Renderer:
    """Renders tiles, and counts how many it has not committed."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, int], int] = {}
        self.count = 0

    def render(self, message: Any, topic: str, partition: int, offset: int) -> bool:
        """Render, and tell whether it is time to commit."""
        tile = value(message)
        note("began", tile["id"], message, group=GROUP)
        time.sleep(0.03)
        note("done", tile["id"], message, group=GROUP)
        if tile["last"]:
            note("last")
        self.open[topic, partition] = offset + 1
        self.count += 1
        return self.count % EVERY == 0


class ByConfluent:
    """Reads orders by confluent-kafka."""

    def __init__(self, topic: str, careful: bool) -> None:
        from confluent_kafka import Consumer

        self.careful, self.renderer = careful, Renderer()
        config = {"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"}
        self.consumer = Consumer({**config, "enable.auto.commit": False, "heartbeat.interval.ms": 500})
        self.consumer.subscribe([topic], on_assign=self.on_assign, on_revoke=self.on_revoke)

    def commit(self) -> None:
        from confluent_kafka import TopicPartition

        if self.renderer.open:
            places = [TopicPartition(*place, offset) for place, offset in self.renderer.open.items()]
            self.consumer.commit(offsets=places, asynchronous=False)
            self.renderer.open.clear()

    def on_revoke(self, _: Any, __: Any) -> None:
        if self.careful:
            self.commit()
        self.renderer.open.clear()

    def on_assign(self, _: Any, partitions: list[Any]) -> None:
        if len(partitions) == 1:
            note("given")

    def run(self) -> None:
        stop = Stop()
        while not stop.asked:
            message = self.consumer.poll(0.3)
            if message is None or message.error():
                continue
            place = (message.topic() or "", message.partition() or 0, message.offset() or 0)
            if self.renderer.render(message, *place):
                self.commit()
        self.commit()
        self.consumer.close()


def by_confluent(topic: str, faulty: bool) -> None:
    ByConfluent(topic, not faulty).run()
