"""The floor: what an instrumentation has to do for a message, by the SDK alone and with everything made beforehand."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach, detach
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import Link, SpanKind, get_current_span, set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Tracer

    from bench.byhand import Instruments

Sent = tuple[Any, Any, int]
Processing = tuple[Any, Any, Any, int, float]


class Floor:
    """One application's spans and metrics, by hand."""

    def __init__(self, tracer: Tracer, instruments: Instruments | None, system: str, destination: str) -> None:
        self.tracer = tracer
        self.instruments = instruments
        place: dict[str, Any] = {
            "messaging.system": system,
            "messaging.destination.name": destination,
            "server.address": "127.0.0.1",
            "server.port": 9092,
        }
        self.sent_by = {**place, "messaging.operation.name": "send"}
        self.sending_by = {**self.sent_by, "messaging.operation.type": "send"}
        self.received_by = {**place, "messaging.operation.name": "poll"}
        self.receiving_by = {**self.received_by, "messaging.operation.type": "receive"}
        self.processed_by = {**place, "messaging.operation.name": "process"}
        self.processing_by = {**self.processed_by, "messaging.operation.type": "process"}
        self.send = {**self.sending_by, "messaging.client.id": "shop"}
        self.process = {**self.processing_by, "messaging.client.id": "bill"}
        self.settled_by = {**place, "messaging.operation.name": "ack"}
        self.settling_by = {**self.settled_by, "messaging.operation.type": "settle"}
        self.settle = {**self.settling_by, "messaging.client.id": "bill"}
        self.names = f"send {destination}", f"process {destination}", f"ack {destination}"
        self.links: list[Link] | None = None

    def sending(self) -> tuple[Sent, dict[str, str], Any]:
        """Begin a send: what ends it, the headers, and what `called` wants."""
        start = time_ns()
        span = self.tracer.start_span(self.names[0], None, SpanKind.PRODUCER, self.send, None, start)
        context = set_span_in_context(span)
        carrier: dict[str, str] = {}
        inject(carrier, context)
        return (span, context, start), carrier, attach(context)

    def called(self, token: Any) -> None:
        """Come back from the library's call."""
        detach(token)

    def sent(self, sent: Sent, more: Mapping[str, Any] | None = None) -> None:
        """End a send with the broker's answer."""
        (span, context, start), end = sent, time_ns()
        if more and span.is_recording():
            span.set_attributes(more)
        span.end(end)
        if self.instruments is not None:
            self.instruments.operations.record((end - start) / 1e9, self.sending_by, context)
            self.instruments.sent.add(1, self.sent_by)

    def pulled(self, start: int) -> None:
        """Measure a pull that brought a message."""
        if self.instruments is not None:
            self.instruments.operations.record((time_ns() - start) / 1e9, self.receiving_by)

    def begin(self, carrier: Mapping[str, str], stamp: float, more: Mapping[str, Any]) -> Processing:
        """Begin to process a message; `stamp` is its timestamp in seconds, 0 without any."""
        context = extract(carrier)
        origin = get_current_span(context).get_span_context()
        self.links = links = [Link(origin)] if origin.is_valid else None
        start = time_ns()
        attributes = {**self.process, **more}
        span = self.tracer.start_span(self.names[1], context, SpanKind.CONSUMER, attributes, links, start)
        current = set_span_in_context(span, context)
        if self.instruments is not None:
            self.instruments.consumed.add(1, self.received_by)
            if stamp:
                self.instruments.queueing.record(max(start / 1e9 - stamp, 0), self.processed_by, current)
        return span, current, attach(current), start, stamp

    def settling(self, more: Mapping[str, Any]) -> Sent:
        """Begin to acknowledge the message that is processed."""
        start = time_ns()
        attributes = {**self.settle, **more}
        span = self.tracer.start_span(self.names[2], None, SpanKind.CLIENT, attributes, self.links, start)
        return span, None, start

    def settled(self, sent: Sent) -> None:
        """Have it acknowledged."""
        (span, _, start), end = sent, time_ns()
        span.end(end)
        if self.instruments is not None:
            self.instruments.operations.record((end - start) / 1e9, self.settling_by)
            self.instruments.consumed.add(1, self.settled_by)

    def end(self, turn: Processing) -> None:
        """Have a message processed."""
        span, context, token, start, _ = turn
        detach(token)
        end = time_ns()
        span.end(end)
        if self.instruments is not None:
            self.instruments.processing.record((end - start) / 1e9, self.processed_by, context)


PARTITION = "messaging.destination.partition.id"
OFFSET = "messaging.kafka.offset"
STAMP = "eda.message.timestamp"


def position(partition: int, offset: int, stamp: int) -> dict[str, Any]:
    """Give the attributes of a message's place in Kafka."""
    return {PARTITION: str(partition), OFFSET: offset, STAMP: stamp}
