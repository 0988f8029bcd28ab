"""The handler takes long with one message: what it calls is slow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.kafka import consumer, late, read, send
from faultlab.program import outlive
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 40, 20


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    from opentelemetry import trace

    reader = consumer(topic)
    for message in read(reader, COUNT):
        late(message)
        with trace.get_tracer(__name__).start_as_current_span("POST /charge"):
            if message.offset == BAD:
                time.sleep(1.5)
                fault("EDA502", "LIKELY", group=topic, **place(message))  # nobody has set a bound
        reader.commit()
    outlive()
    reader.close()
