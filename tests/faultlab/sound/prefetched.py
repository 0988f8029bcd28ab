"""A consumer ends with messages prefetched that it has not begun with; the next one gets them as redelivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.rabbitmq import channel, publish, read

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, SOME = 60, 10


def play(stage: Stage) -> None:
    queue = stage.queue()
    stage.run("shop", publish, queue, COUNT)
    stage.run("billing", some, queue)
    stage.run("billing", others, queue)


def some(queue: str) -> None:
    _work(queue, SOME)


def others(queue: str) -> None:
    _work(queue, COUNT - SOME)
    outlive()


def _work(queue: str, count: int) -> None:
    with channel(prefetch=COUNT) as made:
        for method, _, _ in read(made, queue, count):
            made.basic_ack(method.delivery_tag)
