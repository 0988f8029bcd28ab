"""What programs on Kafka have in common."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from support.waiting import until

from .program import outlive
from .truth import harmless, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .stage import Stage

VARIABLE = "FAULTLAB_KAFKA"
PATIENCE = 30.0  # seconds
SESSION = 6000  # milliseconds, the least that a broker allows
LATE = 1.0  # seconds


def address() -> str:
    """Give the broker's address."""
    return os.environ[VARIABLE]


def send(topic: str, count: int, keys: int = 0) -> None:
    """Send so many numbers, one after the other; with so many keys, if any."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address())
    for number in range(count):
        key = b"key-%d" % (number % keys) if keys else None
        producer.send(topic, b"%d" % number, key).get(PATIENCE)
    producer.close()


def consumer(topic: str, dies: bool = False, **config: Any) -> Any:
    """Make a consumer of kafka-python that commits nothing by itself; its group is called as the topic.

    Only of one that is to die is the session short, for on a busy machine that may end by chance.
    """
    from kafka import KafkaConsumer

    defaults = {
        "bootstrap_servers": address(),
        "group_id": topic,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "consumer_timeout_ms": int(PATIENCE * 1000),
        "heartbeat_interval_ms": 500,
    }
    session = {"session_timeout_ms": SESSION} if dies else {}
    return KafkaConsumer(topic, **{**defaults, **session, **config})


def read(reader: Any, count: int) -> Iterator[Any]:
    """Give so many messages; it is an error if no more come."""
    for _ in range(count):
        message = next(reader, None)
        if message is None:
            raise TimeoutError(f"nothing came in {PATIENCE:g} s")
        yield message


def work(topic: str, count: int) -> None:
    """Handle so many messages, each of them committed, and see that no more come."""
    reader = consumer(topic)
    for _ in read(reader, count):
        reader.commit()
    outlive()
    reader.close()


def joined(stage: Stage, member: Callable[[str, int], None], count: int, partitions: int) -> None:
    """Have a member of a group do so many messages, and another one join it, until that has done some again."""
    topic = stage.topic(partitions)
    stage.run("shop", send, topic, count, 8)
    with stage.start("billing", member, topic, count) as one:
        one.wait_for("done")
        with stage.start("billing", member, topic, 0) as two:
            two.wait_for("again")
            for program in (one, two):
                program.go_on()
                stage.finish(program)


def late(message: Any) -> None:
    """Note a message that waited for long, for a reason that is nobody's fault."""
    if time.time() - message.timestamp / 1000 > LATE:
        harmless("EDA501", **place(message))


def copies(reader: Any, count: int) -> Iterator[Any]:
    """Give so many messages of polls as they are in a copied batch, which is nobody's loop."""
    while count > 0:
        for messages in reader.poll(1000, max_records=count).values():
            count -= len(messages)
            yield from list(messages)


def confluent(topic: str, dies: bool = False, **config: Any) -> Any:
    """Make a consumer of confluent-kafka likewise."""
    from confluent_kafka import Consumer

    defaults = {
        "bootstrap.servers": address(),
        "group.id": topic,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "heartbeat.interval.ms": 500,
    }
    session = {"session.timeout.ms": SESSION} if dies else {}
    reader = Consumer({**defaults, **session, **config})
    reader.subscribe([topic])
    return reader


def pull(reader: Any, count: int) -> Iterator[Any]:
    """Give so many messages of confluent-kafka; it is an error if no more come."""
    for _ in range(count):
        message = reader.poll(PATIENCE)
        if message is None:
            raise TimeoutError(f"nothing came in {PATIENCE:g} s")
        assert message.error() is None, message.error()
        yield message


def committed(reader: Any, topic: str, offset: int) -> None:
    """Wait until a consumer's group has committed that offset of the first partition."""
    from confluent_kafka import TopicPartition

    until(lambda: reader.committed([TopicPartition(topic, 0)], PATIENCE)[0].offset >= offset, "a commit", PATIENCE)
