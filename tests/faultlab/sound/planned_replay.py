"""The consumer has done and committed everything, and is told to do it all once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, late, read, send
from faultlab.program import outlive
from faultlab.truth import harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, COUNT):
        reader.commit()
    reader.seek_to_beginning()
    for message in read(reader, COUNT):
        late(message)
        harmless("EDA202", **place(message))
        if message.offset == 0:
            harmless("EDA504", group=topic, destination=topic)  # a commit that goes back
        reader.commit()
    outlive()
    reader.close()
