"""A service publishes under a routing key that nothing is bound to; it asked for such messages back, and got them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.rabbitmq import channel, read
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, ASTRAY = 20, {7, 13}


def play(stage: Stage) -> None:
    queue = stage.queue()
    stage.run("shop", shop, queue)
    stage.run("billing", billing, queue)


def shop(queue: str) -> None:
    from opentelemetry.trace import format_trace_id, get_tracer
    from pika.exceptions import UnroutableError

    with channel(confirms=True) as made:
        for number in range(COUNT):
            with get_tracer(__name__).start_as_current_span("order", record_exception=False) as span:
                key = f"{queue}-nobody" if number in ASTRAY else queue
                try:
                    made.basic_publish("", key, b"%d" % number, mandatory=True)
                except UnroutableError:
                    fault("EDA106", service="shop", trace_id=format_trace_id(span.get_span_context().trace_id))


def billing(queue: str) -> None:
    with channel() as made:
        for method, _, _ in read(made, queue, COUNT - len(ASTRAY)):
            made.basic_ack(method.delivery_tag)
        outlive()
