"""The SDK's queue for spans is far too small for what the shop sends at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import PATIENCE, address, consumer, read
from faultlab.program import outlive
from faultlab.truth import fault, harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 2000


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run(
        "shop",
        shop,
        topic,
        OTEL_BSP_MAX_QUEUE_SIZE="64",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="64",
        OTEL_BSP_SCHEDULE_DELAY="2000",
    )
    stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address(), linger_ms=500)
    futures = [producer.send(topic, b"%d" % number) for number in range(COUNT)]
    for future in futures:
        future.get(PATIENCE)
    producer.close()
    fault("EDA703", "LIKELY", service="shop")
    harmless("EDA703", service="billing")  # whose spans lack their parents
    outlive()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, COUNT):
        pass
    reader.commit()
    outlive()
    reader.close()
