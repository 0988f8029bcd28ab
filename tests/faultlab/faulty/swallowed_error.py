"""The handler fails with one message, and the consumer commits it all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import outlive
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 20, 7


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    import otel_eda

    reader = consumer(topic)
    for message in read(reader, COUNT):
        try:
            with otel_eda.process(message):
                if message.offset == BAD:
                    raise ValueError(message.offset)
        except ValueError:
            fault("EDA104", group=topic, **place(message))
        reader.commit()
    outlive()
    reader.close()
