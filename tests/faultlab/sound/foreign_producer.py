"""The producer is not instrumented: its messages come without a context, and always have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import outlive

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("mainframe", mainframe, topic, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="eda_kafka_python")
    stage.run("billing", billing, topic)


def mainframe(topic: str) -> None:
    send(topic, COUNT)


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, COUNT):
        reader.commit()
    outlive()
    reader.close()
