"""The queue is full and takes no more: the broker refuses what the shop publishes, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.rabbitmq import channel, read
from faultlab.truth import fault, harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, ROOM = 20, 15


def play(stage: Stage) -> None:
    queue = stage.queue({"x-max-length": ROOM, "x-overflow": "reject-publish"})
    stage.run("shop", shop, queue)
    stage.run("billing", billing, queue)


def shop(queue: str) -> None:
    from opentelemetry.trace import format_trace_id, get_tracer
    from pika.exceptions import NackError

    with channel(confirms=True) as made:
        for number in range(COUNT):
            with get_tracer(__name__).start_as_current_span("order") as span:
                try:
                    made.basic_publish("", queue, b"%d" % number)
                except NackError:
                    where = {"service": "shop", "trace_id": format_trace_id(span.get_span_context().trace_id)}
                    fault("EDA106", **where)
                    harmless("EDA101", **where)  # said in other words


def billing(queue: str) -> None:
    with channel() as made:
        for method, _, _ in read(made, queue, ROOM):
            made.basic_ack(method.delivery_tag)
        outlive()
