"""Billing dies when it has handled a message, and before it has acknowledged it: the next one handles it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import crash, outlive
from faultlab.rabbitmq import channel, identity, publish, read
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, LAST = 20, b"7"


def play(stage: Stage) -> None:
    queue = stage.queue()
    stage.run("shop", publish, queue, COUNT)
    stage.run("billing", dying, queue, status=-9)
    stage.run("billing", billing, queue)


def dying(queue: str) -> None:
    import otel_eda

    with channel(prefetch=1) as made:
        for method, properties, body in read(made, queue, COUNT):
            with otel_eda.process(method):
                pass
            if body == LAST:
                fault("EDA202", service="billing", message=identity(properties))
                crash()
            made.basic_ack(method.delivery_tag)


def billing(queue: str) -> None:
    with channel() as made:
        for method, _, _ in read(made, queue, COUNT - int(LAST)):
            made.basic_ack(method.delivery_tag)
        outlive()
