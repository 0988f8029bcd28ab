"""What the handler calls is down for a while: several messages fail, are tried again, and get through in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultlab.kafka import consumer, read, send
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, DOWN = 30, range(10, 15)
ATTEMPTS = 3


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    reader = consumer(topic)
    # Each got through in the end.
    fault("EDA401", "LIKELY", service="billing", group=topic, destination=topic, error="ConnectionError")
    for message in read(reader, COUNT):
        attempt = 1
        while not charged(message, attempt):
            attempt += 1
        reader.commit()
    outlive()
    reader.close()


def charged(message: Any, attempt: int) -> bool:
    """Tell whether the payment went through."""
    import otel_eda

    try:
        with otel_eda.process(message):
            call(message.offset in DOWN and attempt < ATTEMPTS)
    except ConnectionError:
        return False
    return True


def call(down: bool) -> None:
    from opentelemetry import trace

    with trace.get_tracer(__name__).start_as_current_span("POST /charge", kind=trace.SpanKind.CLIENT):
        if down:
            raise ConnectionError("payments are down")
