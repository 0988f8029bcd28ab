"""The topic's retention throws out what the group has not read yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, TopicPartition, admin
from support.waiting import until

from faultlab.kafka import PATIENCE, consumer, read, send
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, READ = 20, 5


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic, READ)
    keep(stage.kafka, topic, 1)
    until(lambda: begin(stage.kafka, topic) == COUNT, "retention", PATIENCE)
    keep(stage.kafka, topic, -1)
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic, COUNT, True)


def keep(broker: str, topic: str, milliseconds: int) -> None:
    """Set the topic's retention."""
    made: Any = admin
    change = made.AlterConfigOpType.SET
    entry = made.ConfigEntry("retention.ms", str(milliseconds), incremental_operation=change)
    resource = made.ConfigResource(made.ResourceType.TOPIC, topic, incremental_configs=[entry])
    client = made.AdminClient({"bootstrap.servers": broker})
    client.incremental_alter_configs([resource])[resource].result(PATIENCE)


def begin(broker: str, topic: str) -> int:
    """Give the offset at which the log begins."""
    reader = Consumer({"bootstrap.servers": broker, "group.id": "look"})
    low, _ = reader.get_watermark_offsets(TopicPartition(topic, 0), PATIENCE)
    reader.close()
    return int(low)


def billing(topic: str, count: int, last: bool = False) -> None:
    reader = consumer(topic)
    for _ in read(reader, count):
        reader.commit()
    for offset in range(READ, COUNT) if last else ():
        # It may have been jumped over first.
        fault("EDA105", "LIKELY", group=topic, destination=topic, partition="0", offset=offset)
    outlive()
    reader.close()
