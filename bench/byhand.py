"""The floor: the same spans, headers, links and metrics as ours, written by hand around the library's calls.

It is what a careful engineer writes for one application: names and attributes made once, one `start_span` with all of
them, no context managers of the SDK, and no check that this application does not need.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach, detach
from opentelemetry.propagate import extract, inject
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, get_current_span, set_span_in_context

from .stage import GROUP, KEY, VALUE, acknowledged, work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import Counter, Histogram, Meter
    from opentelemetry.trace import Span, SpanContext, Tracer

    from .stage import Place, Record

    Carrier = list[tuple[str, bytes]]
    Known = Mapping[str, str | int]

BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]
WAITS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800]
PARTITION = "messaging.destination.partition.id"
OFFSET = "messaging.kafka.offset"
STAMP = "eda.message.timestamp"
OPERATION = "messaging.operation.name"
TYPE = "messaging.operation.type"


class Headers(Getter["Carrier"]):
    """Reads Kafka's headers."""

    def get(self, carrier: Carrier, key: str) -> list[str] | None:
        for name, value in carrier:
            if name == key:
                return [value.decode()]
        return None

    def keys(self, carrier: Carrier) -> list[str]:
        return [name for name, _ in carrier]


HEADERS = Headers()


@dataclass
class Instruments:
    """What is measured."""

    operations: Histogram
    processing: Histogram
    queueing: Histogram
    sent: Counter
    consumed: Counter

    @classmethod
    def of(cls, meter: Meter) -> Instruments:
        def histogram(name: str, buckets: list[float]) -> Histogram:
            return meter.create_histogram(name, "s", explicit_bucket_boundaries_advisory=buckets)

        return cls(
            histogram("messaging.client.operation.duration", BUCKETS),
            histogram("messaging.process.duration", BUCKETS),
            histogram("eda.queue.duration", WAITS),
            meter.create_counter("messaging.client.sent.messages", "{message}"),
            meter.create_counter("messaging.client.consumed.messages", "{message}"),
        )


class Attributes:
    """Everything that is the same for each message."""

    def __init__(self, where: Place) -> None:
        address, port = where.server.split(":")
        self.topic = where.topic
        place: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": where.topic,
            "server.address": address,
            "server.port": int(port),
        }
        group: dict[str, str | int] = {**place, "messaging.consumer.group.name": GROUP}
        self.sent: Known = {**place, OPERATION: "send"}
        self.sending: Known = {**self.sent, TYPE: "send"}
        self.send: Known = {**self.sending, "messaging.client.id": "shop"}
        self.consumed: Known = {**group, OPERATION: "poll"}
        self.receiving: Known = {**self.consumed, TYPE: "receive"}
        self.receive: Known = {**self.receiving, "messaging.client.id": "bill"}
        self.processing: Known = {**group, OPERATION: "process"}
        self.process: Known = {**self.processing, TYPE: "process", "messaging.client.id": "bill"}
        self.names = f"send {where.topic}", f"poll {where.topic}", f"process {where.topic}"


class Sender:
    """Sends with a span that ends when the broker has answered."""

    def __init__(self, tracer: Tracer, instruments: Instruments | None, producer: Any, known: Attributes) -> None:
        self.tracer = tracer
        self.instruments = instruments
        self.producer = producer
        self.known = known
        self.name = known.names[0]

    def send(self, count: int) -> None:
        acknowledged(self.producer, count, self.one)

    def one(self) -> None:
        start = time_ns()
        span = self.tracer.start_span(self.name, kind=SpanKind.PRODUCER, attributes=self.known.send, start_time=start)
        context = set_span_in_context(span)
        carrier: dict[str, str] = {}
        inject(carrier, context)
        headers = [(name, value.encode()) for name, value in carrier.items()]
        token = attach(context)
        try:
            future = self.producer.send(self.known.topic, VALUE, KEY, headers)
        except BaseException as error:
            self.failed(span, context, start, error)
            raise
        finally:
            detach(token)
        future.add_callback(self.done, span, context, start)
        future.add_errback(self.failed, span, context, start)

    def done(self, span: Span, context: Context, start: int, answer: Any) -> None:
        if span.is_recording():
            span.set_attributes(
                {PARTITION: str(answer.partition), OFFSET: answer.offset, STAMP: answer.timestamp},
            )
        self.ended(span, context, start)

    def failed(self, span: Span, context: Context, start: int, error: BaseException) -> None:
        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, str(error)))
        self.ended(span, context, start)

    def ended(self, span: Span, context: Context, start: int) -> None:
        end = time_ns()
        span.end(end)
        if self.instruments is not None:
            self.instruments.operations.record((end - start) / 1e9, self.known.sending, context)
            self.instruments.sent.add(1, self.known.sent)


class Receiver:
    """Processes each message in a span, and has one for each polled batch."""

    def __init__(
        self, tracer: Tracer, instruments: Instruments | None, loops: Any, polls: Any, known: Attributes
    ) -> None:
        self.tracer = tracer
        self.instruments = instruments
        self.loops = loops
        self.polls = polls
        self.known = known
        _, self.polled, self.processed = known.names
        if instruments is not None:
            loops.poll = self.timed(loops.poll, instruments)

    def timed(self, poll: Callable[..., Any], instruments: Instruments) -> Callable[..., Any]:
        """Measure the polls that a loop makes."""

        def measured(**options: object) -> Any:
            start = time_ns()
            polled = poll(**options)
            instruments.operations.record((time_ns() - start) / 1e9, self.known.receiving)
            return polled

        return measured

    def loop(self, count: int) -> None:
        instruments, consumed = self.instruments, self.known.consumed
        for message in self.loops:
            if instruments is not None:
                instruments.consumed.add(1, consumed)
            context = extract(message.headers, getter=HEADERS)
            self.process(message, context, get_current_span(context).get_span_context())
            count -= 1
            if not count:
                break

    def batch(self, count: int) -> None:
        while count > 0:
            start = time_ns()
            polled = self.polls.poll()
            read = [
                (message, extract(message.headers, getter=HEADERS)) for batch in polled.values() for message in batch
            ]
            found = [(message, context, get_current_span(context).get_span_context()) for message, context in read]
            self.received(start, found)
            for message, context, origin in found:
                self.process(message, context, origin)
            count -= len(found)

    def received(self, start: int, found: list[tuple[Record, Context, SpanContext]]) -> None:
        if self.instruments is not None:
            self.instruments.operations.record((time_ns() - start) / 1e9, self.known.receiving)
            self.instruments.consumed.add(len(found), self.known.consumed)
        links = [
            Link(origin, {PARTITION: str(message.partition), OFFSET: message.offset})
            for message, _, origin in found
            if origin.is_valid
        ]
        attributes = {**self.known.receive, "messaging.batch.message_count": len(found), PARTITION: "0"}
        self.tracer.start_span(self.polled, None, SpanKind.CLIENT, attributes, links, start).end()

    def process(self, message: Record, context: Context, origin: SpanContext) -> None:
        start = time_ns()
        span = self.tracer.start_span(
            self.processed,
            context,
            SpanKind.CONSUMER,
            {
                **self.known.process,
                PARTITION: str(message.partition),
                OFFSET: message.offset,
                STAMP: message.timestamp,
            },
            [Link(origin)] if origin.is_valid else None,
            start,
        )
        instruments, current = self.instruments, set_span_in_context(span, context)
        if instruments is not None:
            instruments.queueing.record(max(start / 1e9 - message.timestamp / 1000, 0), self.known.processing, current)
        token = attach(current)
        try:
            work(message)
        except BaseException as error:
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, str(error)))
            raise
        finally:
            detach(token)
            end = time_ns()
            span.end(end)
            if instruments is not None:
                instruments.processing.record((end - start) / 1e9, self.known.processing, current)
