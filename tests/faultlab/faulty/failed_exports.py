"""The shop's spans go where nothing listens; its metrics arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import send, work
from faultlab.program import outlive
from faultlab.truth import fault, harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", shop, topic, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:1/v1/traces")
    stage.run("billing", work, topic, COUNT)


def shop(topic: str) -> None:
    send(topic, COUNT)
    fault("EDA703", "LIKELY", service="shop")
    harmless("EDA703", service="billing")  # whose spans lack their parents
    outlive()
