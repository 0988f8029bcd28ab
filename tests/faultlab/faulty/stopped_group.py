"""The only consumer of a group ends, and messages go on coming."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)
    stage.run("shop", send, topic, COUNT)
    stage.run("shop", later, topic)


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, COUNT):
        reader.commit()
    reader.close()


def later(topic: str) -> None:
    outlive()
    send(topic, COUNT)
    # Somebody without instrumentation may have gone on.
    fault("EDA504", "LIKELY", group=topic, destination=topic, partition="0")
