"""The consumer dies after its work and before the commit, so that its heir works on the same messages again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import crash, outlive
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, COMMITTED, DONE = 20, 5, 9


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", dying, topic, status=-9)
    stage.run("billing", billing, topic)


def dying(topic: str) -> None:
    reader = consumer(topic, dies=True)
    for message in read(reader, DONE + 1):
        if message.offset + 1 == COMMITTED:
            reader.commit()
        if message.offset == DONE:
            crash()  # in the middle of it: it is not done


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT - COMMITTED):
        if message.offset < DONE:
            fault("EDA202", group=topic, **place(message))
        reader.commit()
    outlive()
    reader.close()
