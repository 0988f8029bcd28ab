"""What only kafka-python has, beside what `tests/contract` asks of every library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import drivers
import pytest
from support.spans import attribute, failed, ids, parent

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from support.recorder import Recorder

PATIENCE = 30  # seconds


def test_a_transaction_commits_what_was_consumed(kafka: Kafka, topic: str, recorder: Recorder) -> None:
    drivers.load("kafka_python")  # it warns of what is its own affair
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.structs import OffsetAndMetadata

    if not hasattr(KafkaProducer, "send_offsets_to_transaction"):
        pytest.skip("transactions came with version 3")
    producer = KafkaProducer(bootstrap_servers=kafka.address, transactional_id=f"t-{topic}")
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka.address, group_id=topic, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, b"1")
        producer.commit_transaction()
        record = next(consumer)
        producer.begin_transaction()
        producer.send(topic, b"2")
        offsets = {TopicPartition(topic, record.partition): OffsetAndMetadata(record.offset + 1, "", -1)}
        producer.send_offsets_to_transaction(offsets, topic)
        producer.commit_transaction()
    finally:
        consumer.close()
        producer.close(timeout=PATIENCE)
    _, send = recorder.sends(2)
    (settle,) = recorder.settles(1)
    (process,) = recorder.processes(1)
    assert settle.name == f"send_offsets_to_transaction {topic}"
    assert (failed(settle), attribute(settle, "eda.commit.offset")) == (False, 1)
    assert parent(send) == ids(process)


def test_what_a_close_commits_is_told(kafka: Kafka, topic: str, recorder: Recorder) -> None:
    drivers.load("kafka_python")
    from kafka import KafkaConsumer, KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka.address)
    producer.send(topic, b"1").get(PATIENCE)
    producer.close()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka.address,
        group_id=topic,
        auto_offset_reset="earliest",
        auto_commit_interval_ms=60_000,
    )
    next(consumer)
    consumer.close()
    assert recorder.events("eda.consumer.position", topic)[-1].get("eda.commit.offset") == 1
