"""What billing cannot handle it sends to be tried again later; who looks after that sends it back, for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.rabbitmq import channel, publish, read
from faultlab.truth import fault, harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD, ROUNDS = 10, b"7", 8


def play(stage: Stage) -> None:
    queue, later = stage.queue(), stage.queue()
    stage.run("shop", publish, queue, COUNT)
    with stage.start("billing", billing, queue, later) as one, stage.start("patience", patience, later, queue) as other:
        one.finish()
        other.finish()


def billing(queue: str, later: str) -> None:
    with channel(prefetch=1) as made:
        for method, properties, body in read(made, queue, COUNT + ROUNDS - 1):
            if body == BAD:
                trace = properties.headers["traceparent"].split("-")[1]
                # A saga of as many steps looks the same.
                fault("EDA404", "LIKELY", trace_id=trace)
                harmless("EDA201", trace_id=trace)
                made.basic_publish("", later, body)
            made.basic_ack(method.delivery_tag)
        outlive()


def patience(later: str, queue: str) -> None:
    with channel(prefetch=1) as made:
        for number, (method, _, body) in enumerate(read(made, later, ROUNDS)):
            if number < ROUNDS - 1:
                made.basic_publish("", queue, body)
            made.basic_ack(method.delivery_tag)
        outlive()
