"""Consumers that share the messages of a topic."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import confluent_kafka.admin
import pytest
from drivers.base import PATIENCE
from support.spans import attribute, ids, parent
from support.waiting import until

from .conftest import QUIET, flush

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokers.kafka import Kafka
    from support.recorder import Recorder

pytestmark = pytest.mark.skipif(not hasattr(confluent_kafka, "ShareConsumer"), reason="not in this version")


@pytest.fixture
def group(kafka: Kafka) -> str:
    """A share group that reads topics from their beginning."""
    name = f"share-{uuid.uuid4().hex}"
    admin: Any = confluent_kafka.admin
    entry = admin.ConfigEntry("share.auto.offset.reset", "earliest", incremental_operation=admin.AlterConfigOpType.SET)
    resource = admin.ConfigResource(admin.ResourceType.GROUP, name, incremental_configs=[entry])
    client = admin.AdminClient({"bootstrap.servers": kafka.address, **QUIET})
    [changed] = client.incremental_alter_configs([resource]).values()
    changed.result(PATIENCE)
    return name


def test_a_batch_is_processed_message_by_message(
    recorder: Recorder, kafka: Kafka, topic: str, group: str, produced: Callable[..., Any]
) -> None:
    producer = produced()
    for number in range(3):
        producer.produce(topic, f"{number}")
    flush(producer)
    consumer = confluent_kafka.ShareConsumer({"bootstrap.servers": kafka.address, "group.id": group, **QUIET})
    consumer.subscribe([topic])
    seen: list[Any] = []

    def all_of_them() -> bool:
        for message in consumer.poll(1):
            seen.append(message.value())
            assert len(recorder.open("process")) == 1
        return len(seen) == 3

    until(all_of_them, "three messages", PATIENCE)
    consumer.commit_sync()
    consumer.close()
    assert seen == [b"0", b"1", b"2"]
    sends, processes = recorder.sends(3), recorder.processes(3)
    assert [parent(span) for span in processes] == [ids(span) for span in sends]
    assert {attribute(span, "messaging.consumer.group.name") for span in processes} == {group}
    [settle] = recorder.settles(1)
    assert settle.name == f"commit {topic}"
