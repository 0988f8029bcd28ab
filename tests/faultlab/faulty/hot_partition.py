"""One key has nearly all the messages, and so has its partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import address, consumer, read
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, PARTITIONS, OTHERS = 1600, 8, 8


def play(stage: Stage) -> None:
    topic = stage.topic(PARTITIONS)
    stage.run("shop", shop, topic)
    stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address())
    keys = [b"key-%d" % (number % 40 if number % OTHERS == 0 else 0) for number in range(COUNT)]
    futures = [producer.send(topic, b"%d" % number, key) for number, key in enumerate(keys)]
    fault("EDA601", destination=topic, partition=str(futures[1].get(30).partition))
    producer.close()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, COUNT):
        pass
    reader.commit()
    outlive()
    reader.close()
