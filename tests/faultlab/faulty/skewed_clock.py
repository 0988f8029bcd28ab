"""The clock of the machine on which billing runs is two minutes slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, SLOW = 20, 120.0


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.elsewhere(-SLOW, "billing", billing, topic)


def billing(topic: str) -> None:
    fault("EDA702", service="billing")
    reader = consumer(topic)
    for _ in read(reader, COUNT):
        reader.commit()
    outlive()
    reader.close()
