"""What fails is sought once more, three times at most, then logged and passed over; the twin's third try succeeds."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP = "shipping"
TRIES = 3
log = logging.getLogger("shipping")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("shipping", ship, library, topic, faulty) as service:
        books.run("shop", shop, library, topic)
        books.wait("done", 28 if faulty else 30)
        books.stop(service)
    books.close_topic(topic, GROUP)


def shop(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"o-{n}", "town": "Ys" if n in {7, 19} else "Brest"} for n in range(30)])


class Labels:
    """Prints labels; a town that is not known yet is known at the third look, unless it does not exist."""

    def __init__(self, never: bool) -> None:
        self.never = never
        self.looks: Counter[str] = Counter()

    def print(self, order: dict[str, Any], message: Any) -> None:
        note("began", order["id"], message, group=GROUP)
        self.looks[order["id"]] += 1
        if order["town"] == "Ys" and (self.never or self.looks[order["id"]] < TRIES):
            note("failed", order["id"], message, group=GROUP)
            raise LookupError(order["town"])
        note("done", order["id"], message, group=GROUP)

    def given_up(self, order: dict[str, Any]) -> bool:
        """Tell whether there are no tries left."""
        if self.looks[order["id"]] < TRIES:
            return False
        log.error("gave up order %s", order["id"])
        note("logged", order["id"])
        return True


def ship(library: str, topic: str, never: bool) -> None:
    by_confluent(topic, never) if library == "confluent-kafka" else asyncio.run(by_aiokafka(topic, never))


def by_confluent(topic: str, never: bool) -> None:
    from confluent_kafka import TopicPartition

    stop, labels, consumer = Stop(), Labels(never), confluent(topic, GROUP)
    while not stop.asked:
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        order = value(message)
        try:
            labels.print(order, message)
        except LookupError:
            if not labels.given_up(order):
                time.sleep(0.1)
                consumer.seek(TopicPartition(topic, message.partition(), message.offset()))
                continue
        consumer.commit(message, asynchronous=False)
    consumer.close()


async def by_aiokafka(topic: str, never: bool) -> None:
    from aiokafka import TopicPartition

    stop, labels = Stop(), Labels(never)
    async with aio(topic, GROUP) as consumer:
        while not stop.asked:
            try:
                message = await asyncio.wait_for(consumer.getone(), 0.3)
            except asyncio.TimeoutError:
                continue
            order = json.loads(message.value)
            place = TopicPartition(topic, message.partition)
            try:
                labels.print(order, message)
            except LookupError:
                if not labels.given_up(order):
                    await asyncio.sleep(0.1)
                    consumer.seek(place, message.offset)
                    continue
            await consumer.commit({place: message.offset + 1})
