"""The shop ends while its producer still holds what it has sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import address
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage


def play(stage: Stage) -> None:
    stage.run("shop", shop, stage.topic())


def shop(topic: str) -> None:
    from confluent_kafka import Producer
    from opentelemetry.trace import format_trace_id, get_tracer

    producer = Producer({"bootstrap.servers": address(), "linger.ms": 60_000})
    for number in range(5):
        with get_tracer(__name__).start_as_current_span("order") as span:
            producer.produce(topic, b"%d" % number)
        fault("EDA102", service="shop", trace_id=format_trace_id(span.get_span_context().trace_id))
