"""Short questions to spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

    Ids = tuple[int, int]

NOTHING = (0, 0)


def context_of(span: ReadableSpan) -> SpanContext:
    """Give a span's own context."""
    context: SpanContext | None = span.context
    assert context is not None
    return context


def current() -> Ids:
    """Give trace and span id of the current span: `NOTHING` if there is none."""
    context = get_current_span().get_span_context()
    return context.trace_id, context.span_id


def ids(span: ReadableSpan) -> Ids:
    """Give trace and span id."""
    return context_of(span).trace_id, context_of(span).span_id


def parent(span: ReadableSpan) -> Ids | None:
    """Give trace and span id of the parent; the trace is the span's own, whatever the parent's claims."""
    return (context_of(span).trace_id, span.parent.span_id) if span.parent else None


def links(span: ReadableSpan) -> list[Ids]:
    """Give trace and span ids of what a span links to."""
    return [(link.context.trace_id, link.context.span_id) for link in span.links]


def attribute(span: ReadableSpan, name: str) -> object:
    """Give an attribute's value, None if there is none."""
    return (span.attributes or {}).get(name)


def failed(span: ReadableSpan) -> bool:
    """Tell whether its status is an error."""
    return span.status.status_code is StatusCode.ERROR


def qualified(kind: type[BaseException]) -> str:
    """Name a class as `error.type` and `exception.type` do."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def error_type(error: BaseException) -> str:
    """Give `error.type` of an exception: confluent-kafka has one class for all errors, and codes."""
    code = getattr(error.args[0] if error.args else None, "name", None)
    return str(code()) if callable(code) else qualified(type(error))


def exceptions(span: ReadableSpan) -> list[tuple[object, object]]:
    """Give type and message of the exceptions recorded on a span."""
    events = [event.attributes or {} for event in span.events if event.name == "exception"]
    return [(event.get("exception.type"), event.get("exception.message")) for event in events]


def traceparent(ids: Ids, flags: int = 1) -> bytes:
    """Write a context as a W3C header's value."""
    return f"00-{ids[0]:032x}-{ids[1]:016x}-{flags:02x}".encode()


def told(value: bytes | None) -> Ids:
    """Read trace and span id from a W3C header's value, which has to be valid."""
    assert value is not None
    found = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": value.decode("ascii")}))
    context = found.get_span_context()
    assert context.is_valid, f"{value!r} is no valid traceparent"
    return context.trace_id, context.span_id


def describe(spans: Iterable[ReadableSpan]) -> str:
    """Name spans for a failed assertion."""
    return "; ".join(f"{span.kind.name} {span.name} {dict(span.attributes or {})}" for span in spans) or "none"
