"""Spans as plain values, read from OTLP's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ERROR = 2
KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
WARNINGS = "@jaeger@warnings"

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """Something that happened during a span, at a time in nanoseconds."""

    name: str
    time: int
    attributes: Attributes


@dataclass(frozen=True)
class Link:
    """Another span that a span refers to."""

    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True)
class Span:
    """One operation; times are nanoseconds since 1970, ids are lower-case hex, no parent is an empty one."""

    service: str
    scope: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    error: bool
    message: str
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    warnings: tuple[str, ...]
    resource: Attributes

    @property
    def duration(self) -> int:
        """How long it took, in nanoseconds."""
        return self.end - self.start

    @property
    def operation(self) -> str:
        """The messaging operation's type (`send`, `receive`, `process`, `settle`), empty for any other span."""
        return str(self.attributes.get("messaging.operation.type", ""))


def read(body: Mapping[str, Any]) -> list[Span]:
    """Return the spans of a request to export them, or of a response of Jaeger's API, by their start."""
    spans = [
        _span(span, scope.get("scope", {}).get("name", ""), attributes(resource.get("resource", {})))
        for resource in body.get("result", body).get("resourceSpans", ())
        for scope in resource.get("scopeSpans", ())
        for span in scope.get("spans", ())
    ]
    return sorted(spans, key=lambda span: span.start)


def _span(span: Mapping[str, Any], scope: str, resource: Attributes) -> Span:
    found = attributes(span)
    status = span.get("status", {})
    return Span(
        service=resource.get("service.name", ""),
        scope=scope,
        name=span["name"],
        kind=KINDS[span.get("kind", 0)],
        trace_id=span["traceId"],
        span_id=span["spanId"],
        parent_id=span.get("parentSpanId", ""),
        start=int(span.get("startTimeUnixNano", 0)),
        end=int(span.get("endTimeUnixNano", 0)),
        error=status.get("code") == ERROR,
        message=status.get("message", ""),
        warnings=tuple(dict.fromkeys(found.pop(WARNINGS, ()))),  # Jaeger's memory adds one with each query
        attributes=found,
        events=tuple(_event(event) for event in span.get("events", ())),
        links=tuple(_link(link) for link in span.get("links", ())),
        resource=resource,
    )


def _event(event: Mapping[str, Any]) -> Event:
    return Event(event.get("name", ""), int(event["timeUnixNano"]), attributes(event))


def _link(link: Mapping[str, Any]) -> Link:
    return Link(link["traceId"], link["spanId"], attributes(link))


def attributes(carrier: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes of whatever has some in OTLP's JSON."""
    return {pair["key"]: _value(pair["value"]) for pair in carrier.get("attributes", ())}


def _value(value: Mapping[str, Any]) -> Any:
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values", ())]
    if "kvlistValue" in value:
        return {pair["key"]: _value(pair["value"]) for pair in value["kvlistValue"].get("values", ())}
    return next(iter(value.values()), None)
