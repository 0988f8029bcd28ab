"""Billing rejects some messages; after a repair an operator has the dead letters handled once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.rabbitmq import channel, creation, publish, read
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 20, {b"3", b"7"}


def play(stage: Stage) -> None:
    aside = stage.queue()
    queue = stage.queue({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": aside})
    stage.run("shop", publish, queue, COUNT)
    stage.run("billing", broken, queue)
    stage.run("operator", operator, aside, queue)
    stage.run("billing", repaired, queue)


def broken(queue: str) -> None:
    with channel() as made:
        for method, _, body in read(made, queue, COUNT):
            if body in BAD:
                made.basic_reject(method.delivery_tag, requeue=False)
            else:
                made.basic_ack(method.delivery_tag)


def operator(aside: str, queue: str) -> None:
    with channel() as made:
        for method, properties, body in read(made, aside, len(BAD)):
            fault("EDA405", service="operator", **creation(properties))
            made.basic_publish("", queue, body, properties)
            made.basic_ack(method.delivery_tag)


def repaired(queue: str) -> None:
    with channel() as made:
        for method, _, _ in read(made, queue, len(BAD)):
            made.basic_ack(method.delivery_tag)
        outlive()
