"""Messages come twice as fast as the group can work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.kafka import address, consumer, read
from faultlab.program import outlive
from faultlab.truth import fault, harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, PAUSE = 260, 0.05


def play(stage: Stage) -> None:
    topic = stage.topic()
    with stage.start("shop", shop, topic) as shop_, stage.start("billing", billing, topic) as billing_:
        stage.finish(shop_)
        stage.finish(billing_)


def shop(topic: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address())
    for number in range(COUNT):
        producer.send(topic, b"%d" % number).get(30)
        time.sleep(PAUSE)
    producer.close()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT // 2 + 20):
        harmless("EDA501", **place(message))
        time.sleep(2 * PAUSE)
        reader.commit()
    # Somebody without instrumentation may help.
    fault("EDA504", "LIKELY", group=topic, destination=topic, partition="0")
    outlive()
    reader.close()
