"""A house consumer commits the offset of the last message it has done, where it should commit the next one's."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka", "aiokafka")
GROUP = "loyalty"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    program = {"kafka-python": poll, "confluent-kafka": consume, "aiokafka": getmany}[library]
    for release in range(3):
        with books.running("loyalty", program, topic, 0 if faulty else 1) as loyalty:
            books.run("tills", tills, library, topic, release)
            books.wait("idle", release + 1)
            books.stop(loyalty)
    books.close_topic(topic, GROUP)


def tills(library: str, topic: str, release: int) -> None:
    publish(library, topic, [{"id": f"receipt-{release}-{n}", "cents": 99 + n} for n in range(20)])


class Positions:
    """How far each partition has been done."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.empty = 0
        self._done: dict[tuple[str, int], int] = {}

    def done(self, topic: str, partition: int, offset: int) -> None:
        self._done[topic, partition] = offset + self.step

    def take(self) -> Iterator[tuple[tuple[str, int], int]]:
        """Give what is to be committed, once."""
        yield from self._done.items()
        self._done.clear()

    def turn(self, found: bool) -> None:
        self.empty = 0 if found else self.empty + 1
        if self.empty == 10:
            note("idle")


class Points:
    """The customers' points."""

    def __init__(self) -> None:
        self.of: dict[str, int] = defaultdict(int)

    def credit(self, message: Any) -> None:
        receipt = value(message)
        note("began", receipt["id"], message, group=GROUP)
        self.of[receipt["id"]] += receipt["cents"] // 10
        note("done", receipt["id"], message, group=GROUP)


def poll(topic: str, step: int) -> None:
    from kafka import TopicPartition
    from kafka.structs import OffsetAndMetadata

    stop, points, positions = Stop(), Points(), Positions(step)
    consumer = kafka_python(topic, GROUP)
    while not stop.asked:
        found = consumer.poll(timeout_ms=300, max_records=10)
        for messages in found.values():
            for message in messages:
                points.credit(message)
                positions.done(message.topic, message.partition, message.offset)
        offsets = {TopicPartition(*at): OffsetAndMetadata(offset, "", -1) for at, offset in positions.take()}
        if offsets:
            consumer.commit(offsets)
        positions.turn(bool(found))
    consumer.close()


def consume(topic: str, step: int) -> None:
    from confluent_kafka import TopicPartition

    stop, points, positions = Stop(), Points(), Positions(step)
    consumer = confluent(topic, GROUP)
    while not stop.asked:
        message = consumer.poll(0.3)
        positions.turn(message is not None)
        if message is None or message.error():
            continue
        points.credit(message)
        positions.done(message.topic(), message.partition(), message.offset())
        offsets = [TopicPartition(*at, offset) for at, offset in positions.take()]
        consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()


def getmany(topic: str, step: int) -> None:
    async def main() -> None:
        from aiokafka import TopicPartition

        stop, points, positions = Stop(), Points(), Positions(step)
        async with aio(topic, GROUP) as consumer:
            while not stop.asked:
                found = await consumer.getmany(timeout_ms=300, max_records=10)
                for messages in found.values():
                    for message in messages:
                        points.credit(message)
                        positions.done(message.topic, message.partition, message.offset)
                offsets = {TopicPartition(*at): offset for at, offset in positions.take()}
                if offsets:
                    await consumer.commit(offsets)
                positions.turn(bool(found))

    asyncio.run(main())
