"""The consumer throws away most of a batch before any handler sees it, and commits the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, copies, send
from faultlab.program import outlive

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 30


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    import otel_eda

    reader = consumer(topic)
    for message in copies(reader, COUNT):
        if int(message.value) % 3 == 0:
            with otel_eda.process(message):
                reader.commit()
    reader.commit()
    outlive()
    reader.close()
