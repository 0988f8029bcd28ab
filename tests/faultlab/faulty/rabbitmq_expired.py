"""Billing is away for longer than messages may wait; the broker gives them to who looks after the expired ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive, say
from faultlab.rabbitmq import channel, creation, publish, read
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 10


def play(stage: Stage) -> None:
    aside = stage.queue()
    queue = stage.queue({"x-message-ttl": 5000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": aside})
    with stage.start("billing", billing, queue) as billing_:
        billing_.wait_for("there")
        stage.run("shop", publish, queue, COUNT)
        stage.finish(billing_)
    stage.run("shop", publish, queue, COUNT)
    stage.run("clerk", clerk, aside)


def billing(queue: str) -> None:
    with channel() as made:
        say("there")
        for method, _, _ in read(made, queue, COUNT):
            made.basic_ack(method.delivery_tag)


def clerk(aside: str) -> None:
    with channel() as made:
        for method, properties, _ in read(made, aside, COUNT):
            fault("EDA105", service="clerk", **creation(properties))
            made.basic_ack(method.delivery_tag)
        outlive()
