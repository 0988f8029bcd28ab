"""The common case of W3C Trace Context, a `traceparent` alone, read and written in one step.

That is the work of OpenTelemetry's default propagators, without asking each of them for each header. They are asked for
everything else: baggage, `tracestate`, other versions of the header. Any other propagator is always asked. See
https://www.w3.org/TR/trace-context/#traceparent-header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_eda.core.runtime.contexts import EMPTY, NO_STATE, SPAN, span_context, span_in

if TYPE_CHECKING:
    from opentelemetry.propagators.textmap import TextMapPropagator


PARENT, STATE, BAGGAGE = "traceparent", "tracestate", "baggage"


_DEFAULT_PROPAGATORS = {TraceContextTextMapPropagator, W3CBaggagePropagator}


_LENGTH, _HEX = len(f"00-{0:032x}-{0:016x}-00"), b"0123456789abcdef"


_FLAGS = {b"%02x" % number: TraceFlags(number) for number in range(256)}


(_BAGGAGE_KEY,) = baggage.set_baggage("name", "value", EMPTY)


def is_default(propagator: TextMapPropagator) -> bool:
    """Return whether a propagator is the default composite of OpenTelemetry, and no subclass of its parts."""
    parts = getattr(propagator, "_propagators", ()) if type(propagator) is CompositePropagator else ()
    return len(parts) == len(_DEFAULT_PROPAGATORS) and {type(part) for part in parts} == _DEFAULT_PROPAGATORS


def read(parent: object) -> tuple[Context, SpanContext] | None:
    """Return the context and the span context of a `traceparent` of version 00, or None for any other header."""
    text = parent.encode("ascii", "replace") if type(parent) is str else parent
    if type(text) is not bytes or len(text) != _LENGTH or text[:3] != b"00-" or text[35:36] != text[52:53]:
        return None
    if text.translate(None, _HEX) != b"---" or text[35:36] != b"-":  # half the time of a regular expression
        return None
    origin = span_context(int(text[3:35], 16), int(text[36:52], 16), True, _FLAGS[text[53:]], NO_STATE)
    return (Context({SPAN: NonRecordingSpan(origin)}), origin) if origin[5] else None


def write(context: Context) -> dict[str, str] | None:
    """Return the headers that carry a context, or None for a context with baggage, trace state or no span."""
    origin = span_in(context).get_span_context()
    if type(origin) is not SpanContext or _BAGGAGE_KEY in context:
        return None
    trace_id, span_id, _, flags, state, is_valid = origin
    if not is_valid or (state is not NO_STATE and state):
        return None
    # Twice as fast as an f-string, which calls `__format__` of each number.
    return {PARENT: "00-%032x-%016x-%02x" % (trace_id, span_id, flags)}  # noqa: UP031
