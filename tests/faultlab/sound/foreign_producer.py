"""The producer is not instrumented: its messages come without a context, and always have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import send, work

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("mainframe", send, topic, COUNT, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="eda_kafka_python")
    stage.run("billing", work, topic, COUNT)
