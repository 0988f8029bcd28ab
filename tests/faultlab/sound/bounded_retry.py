"""A message fails twice, waits in a queue for a while each time, and is done at the third attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.rabbitmq import channel, publish, read

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, NEEDY, TIMES = 20, b"7", 2


def play(stage: Stage) -> None:
    queue = stage.queue()
    later = stage.queue({"x-message-ttl": 200, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue})
    stage.run("shop", publish, queue, COUNT)
    stage.run("billing", billing, queue, later)


def billing(queue: str, later: str) -> None:
    failed = 0
    with channel(prefetch=1) as made:
        for method, properties, body in read(made, queue, COUNT + TIMES):
            if body == NEEDY and failed < TIMES:
                failed += 1
                made.basic_publish("", later, body, properties)
            made.basic_ack(method.delivery_tag)
        outlive()
