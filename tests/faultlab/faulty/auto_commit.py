"""Offsets are committed automatically while messages are at work, and the process dies in the middle of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultlab.kafka import committed, confluent, pull, send, work
from faultlab.program import crash
from faultlab.truth import fault, harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, LAST = 20, 7


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", dying, topic, status=-9)
    stage.run("billing", work, topic, COUNT - LAST - 1)


def dying(topic: str) -> None:
    reader = confluent(topic, dies=True, **{"enable.auto.commit": True, "auto.commit.interval.ms": 100})
    for message in pull(reader, COUNT):
        if message.offset() == LAST:
            die(reader, message)


def die(reader: Any, message: Any) -> None:
    topic = message.topic()
    committed(reader, topic, LAST + 1)
    # Whether it was done in its last moments, of which nothing was exported, nobody can tell.
    fault("EDA104", "LIKELY", group=topic, **place(message))
    harmless("EDA703", service="billing")
    crash()
