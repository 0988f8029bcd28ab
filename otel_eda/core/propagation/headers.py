"""Context in and out of message headers; which headers those are is the global propagator's business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from opentelemetry import propagate
from opentelemetry.propagators.textmap import Getter

from otel_eda.core.propagation import tracecontext
from otel_eda.core.runtime.contexts import EMPTY, span_in

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.trace import SpanContext

    from otel_eda.core.message import Headers


Carrier: TypeAlias = "dict[str, Any]"


Extracted: TypeAlias = "tuple[Context, SpanContext | None]"
"""What headers carry, and the span context in it: the producer's, None without any."""


# The CloudEvents distributed-tracing extension as the bindings of the protocols spell it.
_CLOUDEVENTS = {
    prefix + name: name
    for prefix in ("ce_", "ce-", "cloudevents:", "cloudevents_")
    for name in ("traceparent", "tracestate")
}


class _LenientGetter(Getter[Carrier]):
    """Reads headers of any origin: text or bytes, whatever else there is is not there."""

    def get(self, carrier: Carrier, key: str) -> list[str] | None:
        value = carrier.get(key)
        if type(value) is bytes:
            return [value.decode("utf-8", "replace")] if len(value) <= MAX_VALUE_LENGTH else None
        if value is None:
            lower = key.lower()
            return None if lower == key else self.get(carrier, lower)
        text = value if isinstance(value, str) else self._decoded(value)
        return [text] if text is not None and len(text) <= MAX_VALUE_LENGTH else None

    @staticmethod
    def _decoded(value: object) -> str | None:
        return bytes(value).decode("utf-8", "replace") if isinstance(value, (bytes, bytearray, memoryview)) else None

    def keys(self, carrier: Carrier) -> list[str]:
        return list(carrier)


MAX_VALUE_LENGTH = 8192  # of a header's value: what W3C's baggage may have


MAX_HEADERS_READ = 1000  # of a message that are looked at, from its end


_getter = _LenientGetter()


def inject(context: Context) -> dict[str, str]:
    """Give the headers that carry a context."""
    made = tracecontext.write(context) if _global_propagator().default else None
    if made is not None:
        return made
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context)
    for name in [name for name, value in carrier.items() if len(value) > MAX_VALUE_LENGTH]:
        del carrier[name]  # baggage that others have piled up: the broker, or who reads it, might refuse the message
    return carrier


def extract(headers: Headers) -> Extracted:
    """Give what headers carry and the producer's span context; of repeated headers the last that makes sense counts."""
    try:
        return _extract(headers if type(headers) is list else as_pairs(headers)) if headers else (EMPTY, None)
    except (TypeError, ValueError):
        return EMPTY, None  # these are no headers


def _extract(given: list[tuple[Any, Any]]) -> Extracted:
    given = given if len(given) <= MAX_HEADERS_READ else given[-MAX_HEADERS_READ:]
    carrier = _carrier(given)
    if tracecontext.STATE not in carrier and tracecontext.BAGGAGE not in carrier and _global_propagator().default:
        alone = tracecontext.read(carrier.get(tracecontext.PARENT))
        if alone is not None:
            return alone
    found = propagate.extract(carrier, EMPTY, _getter)
    origin = _span_context(found)
    if origin is None and len(carrier) < len(given):
        return _extract_without_last(given) or (found, None)
    return found, origin


def span_context_in(headers: Headers) -> SpanContext | None:
    """Give the span context that headers carry already, None without any."""
    try:
        if not headers or _global_propagator().fields.isdisjoint([_lower_name(name) for name, _ in as_pairs(headers)]):
            return None
        return extract(headers)[1]
    except (TypeError, ValueError):
        return None  # these are no headers: the library refuses them, and says so itself


def _span_context(found: Context) -> SpanContext | None:
    if not found:
        return None
    context = span_in(found).get_span_context()
    return context if context.is_valid else None


def _extract_without_last(given: list[tuple[Any, Any]]) -> Extracted | None:
    # The last of the repeated headers made no sense: try without it; how often is not for who sent them to say.
    ends = [place for place, (name, _) in enumerate(given) if _lower_name(name) in _global_propagator().fields]
    for end in ends[: -_MAX_REPEATED_HEADERS - 1 : -1]:
        found = propagate.extract(_carrier(given[:end]), EMPTY, _getter)
        if origin := _span_context(found):
            return found, origin
    return None


def as_pairs(headers: Headers) -> list[tuple[Any, Any]]:
    """Give headers as pairs."""
    if isinstance(headers, list):
        return headers
    return list(headers.items() if isinstance(headers, Mapping) else headers or ())


def _carrier(given: Iterable[tuple[Any, Any]]) -> Carrier:
    carrier: Carrier = {}
    spelled: Carrier = {}
    for name, value in given:
        key = name.lower() if type(name) is str else _lower_name(name)
        if key in _CLOUDEVENTS:
            spelled[_CLOUDEVENTS[key]] = value
        carrier[key] = value
    return {**spelled, **carrier} if spelled else carrier


def _lower_name(name: object) -> str:
    if isinstance(name, str):
        return name.lower()
    return bytes(name).decode("utf-8", "replace").lower() if isinstance(name, (bytes, bytearray)) else ""


_MAX_REPEATED_HEADERS = 20


class _PropagatorInfo(NamedTuple):
    """The global propagator, its headers by all their names, and whether it is the default one."""

    propagator: TextMapPropagator | None
    fields: frozenset[str]
    default: bool


_propagator_info = _PropagatorInfo(None, frozenset(), False)


def _global_propagator() -> _PropagatorInfo:
    # A composite propagator computes its fields anew at each asking.
    global _propagator_info
    propagator = propagate.get_global_textmap()
    if _propagator_info.propagator is not propagator:
        fields = {name.lower() for name in propagator.fields}
        spelled = {spelled for spelled, name in _CLOUDEVENTS.items() if name in fields}
        _propagator_info = _PropagatorInfo(propagator, frozenset(fields | spelled), tracecontext.is_default(propagator))
    return _propagator_info
