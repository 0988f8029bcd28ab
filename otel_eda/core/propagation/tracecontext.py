"""The common case of W3C Trace Context, a `traceparent` alone, read and written in one step.

That is the work of OpenTelemetry's default propagators, without asking each of them for each header. They are asked for
everything else: baggage, `tracestate`, other versions of the header. Any other propagator is always asked. See
https://www.w3.org/TR/trace-context/#traceparent-header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_eda.core.runtime.contexts import EMPTY, NO_STATE, SPAN, span_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.trace import Span


PARENT, STATE, BAGGAGE = "traceparent", "tracestate", "baggage"


_DEFAULT_PROPAGATORS = {TraceContextTextMapPropagator, W3CBaggagePropagator}


_TRACEPARENT = "00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})"


_TRACEPARENTS: dict[type, Callable[[Any], re.Match[Any] | None]] = {
    str: re.compile(_TRACEPARENT).fullmatch,
    bytes: re.compile(_TRACEPARENT.encode()).fullmatch,
}


_FLAGS = {text: TraceFlags(number) for number in range(256) for text in (f"{number:02x}", b"%02x" % number)}


_FLAG_TEXTS = tuple(f"{number:02x}" for number in range(256))


(_BAGGAGE_KEY,) = baggage.set_baggage("name", "value", EMPTY)


def is_default(propagator: TextMapPropagator) -> bool:
    """Return whether a propagator is the default composite of OpenTelemetry, and no subclass of its parts."""
    parts = getattr(propagator, "_propagators", ()) if type(propagator) is CompositePropagator else ()
    return len(parts) == len(_DEFAULT_PROPAGATORS) and {type(part) for part in parts} == _DEFAULT_PROPAGATORS


def read(parent: object) -> SpanContext | None:
    """Return the span context of a `traceparent` of version 00, or None for any other header."""
    matching = _TRACEPARENTS.get(type(parent))
    match = None if matching is None else matching(parent)
    if match is None:
        return None
    trace, span, flags = match.groups()
    trace_id, span_id = int(trace, 16), int(span, 16)
    if not trace_id or not span_id:
        return None
    return span_context((trace_id, span_id, True, _FLAGS[flags], NO_STATE, True))


def write(context: Context) -> dict[str, str] | None:
    """Return the headers that carry a context, or None for a context with baggage, trace state or no span."""
    span: Span | None = context.get(SPAN)  # type: ignore[assignment]  # nothing else is kept there
    if span is None or _BAGGAGE_KEY in context:
        return None
    origin = span.get_span_context()
    if type(origin) is not SpanContext:
        return None
    trace_id, span_id, _, flags, state, is_valid = origin
    if not is_valid or (state is not NO_STATE and state):
        return None
    # Faster than to format the numbers.
    return {PARENT: f"00-{trace_id.to_bytes(16, 'big').hex()}-{span_id.to_bytes(8, 'big').hex()}-{_FLAG_TEXTS[flags]}"}
