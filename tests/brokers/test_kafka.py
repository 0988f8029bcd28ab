"""Kafka starts, is shared, comes back, and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer

from .processes import WAIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kafka import Kafka


def send(address: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": address})
    producer.produce(topic, value)
    assert producer.flush(WAIT) == 0


def values(address: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        messages = consumer.consume(count, WAIT)
        return [value for message in messages if not message.error() and (value := message.value()) is not None]
    finally:
        consumer.close()


@pytest.mark.parametrize("value", [b"one", b"two"])
def test_a_message_goes_through_kafka(kafka: Kafka, topic: str, value: bytes) -> None:
    send(kafka.address, topic, value)
    assert values(kafka.address, topic, 1) == [value]


def test_topics_have_as_many_partitions_as_asked_for(kafka: Kafka, topics: Callable[[int], str]) -> None:
    names = topics(1), topics(3)
    found = Producer({"bootstrap.servers": kafka.address}).list_topics(timeout=WAIT).topics
    assert [len(found[name].partitions) for name in names] == [1, 3]


def test_the_shared_kafka_cannot_be_stopped(kafka: Kafka) -> None:
    with pytest.raises(RuntimeError, match="private_kafka"):
        kafka.stop()


def test_a_private_kafka_comes_back_with_its_data(private_kafka: Kafka) -> None:
    address, topic = private_kafka.address, private_kafka.topic()
    send(address, topic, b"before")
    private_kafka.stop()
    private_kafka.start()
    assert private_kafka.address == address
    send(address, topic, b"after")
    assert values(address, topic, 2) == [b"before", b"after"]


def test_a_private_kafka_comes_back_after_a_crash(private_kafka: Kafka) -> None:
    topic = private_kafka.topic()
    send(private_kafka.address, topic, b"before")
    private_kafka.kill()
    private_kafka.start()
    assert values(private_kafka.address, topic, 1) == [b"before"]
