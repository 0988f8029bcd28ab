"""One percent of the traces is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultlab.kafka import address, consumer, read
from faultlab.program import outlive
from faultlab.truth import harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 1500
SAMPLED: dict[str, Any] = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}


def play(stage: Stage) -> None:
    topic = stage.topic(3)
    stage.run("shop", shop, topic, **SAMPLED)
    stage.run("billing", billing, topic, **SAMPLED)


def shop(topic: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address())
    futures = [producer.send(topic, b"%d" % number, b"key-%d" % (number % 50)) for number in range(COUNT)]
    for future in futures:
        future.get(30)
    producer.close()
    harmless("EDA703", service="shop")
    outlive()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for number, _ in enumerate(read(reader, COUNT)):
        if number % 50 == 0:
            reader.commit()
    reader.commit()
    harmless("EDA703", service="billing")
    outlive()
    reader.close()
