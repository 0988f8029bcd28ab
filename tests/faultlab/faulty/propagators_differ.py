"""The shop passes no context on: its propagators are switched off, so every trace is cut in two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import outlive
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT, OTEL_PROPAGATORS="none")
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT):
        fault("EDA701", group=topic, **place(message))
        reader.commit()
    outlive()
    reader.close()
