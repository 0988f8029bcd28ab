"""The broker takes long to acknowledge one message."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from faultlab.kafka import PATIENCE, address, consumer, late, read
from faultlab.program import outlive, wait
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 30, 20


def play(stage: Stage) -> None:
    topic = f"topic-{uuid.uuid4().hex[:12]}"
    with stage.proxied() as proxy:
        with stage.start("shop", shop, topic) as program:
            program.wait_for("slowly")
            proxy.delay = 1.5
            program.go_on()
            program.wait_for("soon")
            proxy.delay = 0
            program.go_on()
            stage.finish(program)
        stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address())
    for number in range(COUNT):
        if number == BAD:
            wait("slowly")
        sent = producer.send(topic, b"%d" % number).get(PATIENCE)
        if number == BAD:
            fault("EDA501", "LIKELY", **place(sent))  # nobody has set a bound
            wait("soon")
    producer.close()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT):
        late(message)
        reader.commit()
    outlive()
    reader.close()
