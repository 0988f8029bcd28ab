"""A service is away for a while; the consumer gives what needs it back at once, and gets it again at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.rabbitmq import channel, creation, identity, publish, read
from faultlab.truth import fault, harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, NEEDY, TIMES = 20, {b"7", b"13"}, 40


def play(stage: Stage) -> None:
    queue = stage.queue()
    stage.run("shop", publish, queue, COUNT)
    stage.run("billing", billing, queue)


def billing(queue: str) -> None:
    seen: Counter[bytes] = Counter()
    with channel(prefetch=1) as made:
        for method, properties, body in read(made, queue, COUNT + len(NEEDY) * TIMES):
            seen[body] += 1
            if body in NEEDY and seen[body] <= TIMES:
                made.basic_nack(method.delivery_tag)
                harmless("EDA401", service="billing", **creation(properties))
                continue
            if seen[body] > 1:
                fault("EDA403", service="billing", message=identity(properties))
            made.basic_ack(method.delivery_tag)
        outlive()
