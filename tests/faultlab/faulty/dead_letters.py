"""Billing rejects what it cannot handle: the broker sets some aside, and billing itself the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.rabbitmq import channel, creation, publish, read
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, REJECTED, SET_ASIDE = 20, {b"3", b"7"}, {b"11", b"13"}


def play(stage: Stage) -> None:
    aside = stage.queue()
    queue = stage.queue({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": aside})
    stage.run("shop", publish, queue, COUNT)
    stage.run("billing", billing, queue, aside)
    stage.run("clerk", clerk, aside)


def billing(queue: str, aside: str) -> None:
    with channel() as made:
        made.exchange_declare(f"{aside}.dead-letters", "fanout", auto_delete=True)
        made.queue_bind(aside, f"{aside}.dead-letters")
        for method, properties, body in read(made, queue, COUNT):
            if body in REJECTED:
                made.basic_reject(method.delivery_tag, requeue=False)
                continue
            if body in SET_ASIDE:
                fault("EDA405", service="billing", trace_id=creation(properties)["trace_id"])
                made.basic_publish(f"{aside}.dead-letters", "", body)
            made.basic_ack(method.delivery_tag)
        outlive()


def clerk(aside: str) -> None:
    with channel() as made:
        for method, properties, body in read(made, aside, len(REJECTED | SET_ASIDE)):
            if body in REJECTED:
                fault("EDA405", service="clerk", **creation(properties))
            made.basic_ack(method.delivery_tag)
        outlive()
