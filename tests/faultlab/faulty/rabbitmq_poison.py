"""One message always breaks its handler; a quorum queue gives it up after some deliveries, and sets it aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultlab.program import outlive
from faultlab.rabbitmq import channel, creation, identity, publish, read
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD, LIMIT = 20, b"7", 4


def play(stage: Stage) -> None:
    aside = stage.queue()
    queue = stage.queue(
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": LIMIT,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": aside,
        }
    )
    stage.run("shop", publish, queue, COUNT)
    with stage.start("billing", billing, queue), stage.start("clerk", clerk, aside) as clerk_:
        clerk_.finish()


def billing(queue: str) -> None:
    with channel(prefetch=1) as made:
        for delivery in made.consume(queue):
            work(made, *delivery)


def work(made: Any, method: Any, properties: Any, body: bytes) -> None:
    import otel_eda

    try:
        with otel_eda.process(method):
            if body == BAD:
                raise ValueError(body)
    except ValueError:
        fault("EDA402", service="billing", message=identity(properties))
        made.basic_nack(method.delivery_tag)
    else:
        made.basic_ack(method.delivery_tag)


def clerk(aside: str) -> None:
    with channel() as made:
        for method, properties, _ in read(made, aside, 1):
            fault("EDA405", service="clerk", **creation(properties))
            made.basic_ack(method.delivery_tag)
        outlive()
