"""A topic gets more partitions, so that keys move to other ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import address, consumer, read
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

KEYS = [b"key-%d" % number for number in range(12)]


def play(stage: Stage) -> None:
    topic = stage.topic(2)
    stage.run("shop", shop, topic)
    stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    from kafka import KafkaProducer

    before = sent(KafkaProducer(bootstrap_servers=address()), topic)
    grow(topic, 5)
    after = sent(KafkaProducer(bootstrap_servers=address()), topic)
    for old in {before[key] for key in KEYS if before[key] != after[key]}:
        fault("EDA303", "LIKELY", destination=topic, partition=str(old))


def sent(producer: object, topic: str) -> dict[bytes, int]:
    futures = {key: producer.send(topic, b"it", key) for key in KEYS}  # type: ignore[attr-defined]
    found = {key: future.get(30).partition for key, future in futures.items()}
    producer.close()  # type: ignore[attr-defined]
    return found


def grow(topic: str, partitions: int) -> None:
    from brokers.service import poll
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewPartitions

    client = AdminClient({"bootstrap.servers": address()})
    client.create_partitions([NewPartitions(topic, partitions)])[topic].result(30)
    poll(lambda: len(client.list_topics().topics[topic].partitions) == partitions or None, 30, "more partitions")


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, 2 * len(KEYS)):
        reader.commit()
    outlive()
    reader.close()
