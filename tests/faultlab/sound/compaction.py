"""A compacted topic keeps the last message of each key; the consumer comes when the others are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import Consumer, TopicPartition
from support.waiting import until

from faultlab.kafka import PATIENCE, consumer, read, send
from faultlab.program import outlive

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, KEYS = 40, 8
QUICK = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "100",
}


def play(stage: Stage) -> None:
    topic = stage.topic(1, **QUICK)
    stage.run("shop", shop, topic, COUNT)
    stage.run("shop", shop, topic, KEYS)  # into another segment
    left = until(
        lambda: remaining(stage.kafka, topic) < COUNT and remaining(stage.kafka, topic), "compaction", PATIENCE
    )
    stage.run("billing", billing, topic, left)


def shop(topic: str, count: int) -> None:
    send(topic, count, keys=KEYS)


def remaining(broker: str, topic: str) -> int:
    """Count the messages that are left."""
    reader = Consumer({"bootstrap.servers": broker, "group.id": "count", "enable.partition.eof": True})
    reader.assign([TopicPartition(topic, 0, 0)])
    number = 0
    while (message := reader.poll(PATIENCE)) is not None and message.error() is None:
        number += 1
    reader.close()
    return number


def billing(topic: str, count: int) -> None:
    reader = consumer(topic)
    for _ in read(reader, count):
        reader.commit()
    outlive()
    reader.close()
