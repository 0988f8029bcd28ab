"""A bridge without instrumentation copies messages to another topic and drops their headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import address, confluent, consumer, pull, read, send
from faultlab.program import outlive
from faultlab.truth import fault, harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    near, far = stage.topic(), stage.topic()
    stage.run("shop", shop, near)
    stage.run("bridge", bridge, near, far, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="eda_confluent_kafka")
    stage.run("billing", billing, far)


def shop(topic: str) -> None:
    send(topic, COUNT)
    harmless("EDA107", destination=topic)  # as far as anybody can see
    outlive()


def bridge(near: str, far: str) -> None:
    from confluent_kafka import Producer

    reader, producer = confluent(near), Producer({"bootstrap.servers": address()})
    for message in pull(reader, COUNT):
        producer.produce(far, message.value())
    assert producer.flush(30) == 0
    reader.close()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT):
        # A sender that never had a context looks the same.
        fault("EDA701", "SUSPECT", group=topic, **place(message))
        reader.commit()
    outlive()
    reader.close()
