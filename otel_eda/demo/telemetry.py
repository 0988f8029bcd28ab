"""Spans as plain values, read from OTLP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry.proto.trace.v1 import trace_pb2 as otlp

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

Value: TypeAlias = "str | bool | int | float | bytes | tuple[Value, ...] | Mapping[str, Value] | None"
Attributes: TypeAlias = Mapping[str, Value]
Position: TypeAlias = tuple[str, str, int]


@dataclass(frozen=True)
class Event:
    """Something noted at one moment of a span; `time` in nanoseconds since 1970."""

    name: str
    time: int
    attributes: Attributes


@dataclass(frozen=True)
class Link:
    """A span of another place or trace that this one has to do with; ids in hex."""

    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True)
class Span:
    """One operation: ids in hex (`parent_id` empty for a root), `start` and `end` in nanoseconds since 1970.

    `kind` is `INTERNAL`, `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER` or `UNSPECIFIED`; `message` describes the status.
    """

    service: str
    scope: str
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start: int
    end: int
    error: bool
    message: str
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]

    @property
    def duration(self) -> int:
        """How long it took, in nanoseconds."""
        return self.end - self.start

    @property
    def operation(self) -> str:
        """The messaging operation's type (`send`, `receive`, `process`, `settle`), empty for any other span."""
        return str(self.attributes.get("messaging.operation.type", ""))

    @property
    def destination(self) -> str:
        """The topic, queue or exchange, empty where there is none."""
        return str(self.attributes.get("messaging.destination.name", ""))

    @property
    def position(self) -> Position | None:
        """The message's place in its log, `(destination, partition, offset)`: the same for its send and its process."""
        partition = self.attributes.get("messaging.destination.partition.id")
        offset = self.attributes.get("messaging.kafka.offset")
        if isinstance(partition, str) and isinstance(offset, int):
            return self.destination, partition, offset
        return None


def spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    """Read every span of an OTLP request."""
    for resource in request.resource_spans:
        service = str(attributes(resource.resource.attributes).get("service.name", ""))
        for scope in resource.scope_spans:
            yield from (_span(service, scope.scope.name, span) for span in scope.spans)


def attributes(pairs: Iterable[KeyValue]) -> Attributes:
    """Read OTLP's key-value pairs."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    plain: Value = getattr(value, kind) if kind else None
    return plain


def _span(service: str, scope: str, span: otlp.Span) -> Span:
    return Span(
        service=service,
        scope=scope,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=otlp.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        error=span.status.code == otlp.Status.STATUS_CODE_ERROR,
        message=span.status.message,
        attributes=attributes(span.attributes),
        events=tuple(Event(event.name, event.time_unix_nano, attributes(event.attributes)) for event in span.events),
        links=tuple(_link(link) for link in span.links),
    )


def _link(link: otlp.Span.Link) -> Link:
    return Link(link.trace_id.hex(), link.span_id.hex(), attributes(link.attributes))
