"""The broker refuses a message that is too large for its topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import PATIENCE, address, consumer, read
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 20, 7


def play(stage: Stage) -> None:
    topic = stage.topic(1, **{"max.message.bytes": "1000"})
    stage.run("shop", shop, topic)
    stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    from kafka import KafkaProducer
    from kafka.errors import MessageSizeTooLargeError

    producer = KafkaProducer(bootstrap_servers=address(), enable_idempotence=False)
    for number in range(COUNT):
        future = producer.send(topic, b"x" * (5000 if number == BAD else 5))
        try:
            future.get(PATIENCE)
        except MessageSizeTooLargeError:
            fault("EDA101", service="shop", destination=topic, error="kafka.errors.MessageSizeTooLargeError")
    producer.close()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, COUNT - 1):
        reader.commit()
    outlive()
    reader.close()
