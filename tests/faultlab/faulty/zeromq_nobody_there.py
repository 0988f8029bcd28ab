"""Nobody takes what the shop pushes, its queue is full, and it does not wait: the library refuses the message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab import zeromq
from faultlab.program import outlive
from faultlab.truth import fault, harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, ROOM = 20, 5


def play(stage: Stage) -> None:
    stage.run("shop", shop, zeromq.address(), OTEL_EDA_ZMQ_PROPAGATE="1")


def shop(address: str) -> None:
    import zmq
    from opentelemetry.trace import format_trace_id, get_tracer

    with zeromq.sockets("PUSH", "PULL") as [near, far]:
        near.sndhwm = far.rcvhwm = ROOM
        far.bind(address)
        near.connect(address)
        refused = 0
        while refused < COUNT:
            with get_tracer(__name__).start_as_current_span("order", record_exception=False) as span:
                try:
                    near.send(b"order", zmq.DONTWAIT)
                except zmq.Again:
                    # Its trace shows no later send; another might have carried the order.
                    trace = format_trace_id(span.get_span_context().trace_id)
                    fault("EDA106", "LIKELY", service="shop", trace_id=trace)
                    refused += 1
        harmless("EDA107", service="shop")  # of what the queue had room for
        near.linger = 0
        outlive()
