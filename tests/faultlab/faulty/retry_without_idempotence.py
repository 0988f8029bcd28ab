"""The broker's answer is lost on its way; the producer, which is not idempotent, sends the message again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from faultlab.kafka import PATIENCE, address, consumer, read
from faultlab.program import outlive, wait
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 20, 7


def play(stage: Stage) -> None:
    topic = f"topic-{uuid.uuid4().hex[:12]}"
    with stage.proxied() as proxy:
        with stage.start("shop", shop, topic) as program:
            program.wait_for("next")
            proxy.cut = True
            program.go_on()
            stage.finish(program)
        stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address(), enable_idempotence=False, acks="all", retries=10)
    for number in range(COUNT):
        if number == BAD:
            wait("next")
        sent = producer.send(topic, b"%d" % number).get(PATIENCE)
        if number == BAD:
            assert sent.offset == BAD + 1, "it was not sent twice"
            fault("EDA201", destination=topic, partition="0", offset=BAD)
    producer.close()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, COUNT + 1):
        reader.commit()
    outlive()
    reader.close()
