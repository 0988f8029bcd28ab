"""Context in and out of message headers; the global propagator decides which headers those are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from opentelemetry import propagate
from opentelemetry.propagators.textmap import Getter

from otel_eda.core.propagation.tracecontext import BAGGAGE, PARENT, STATE, is_default, write
from otel_eda.core.propagation.tracecontext import read as read_parent
from otel_eda.core.runtime.contexts import EMPTY, remote_parent, span_in

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.trace import SpanContext

    from otel_eda.core.message import Headers


Carrier: TypeAlias = "dict[str, Any]"


Extracted: TypeAlias = "tuple[Context | None, SpanContext | None]"
"""The context that headers carry, and the producer's span context in it, or None.

The context is None if there is nothing else in it: most messages carry no more, and a process span replaces it.
"""


# Headers of the CloudEvents distributed-tracing extension, as the protocol bindings spell them:
# https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
_CLOUDEVENTS = {
    prefix + name: name
    for prefix in ("ce_", "ce-", "cloudevents:", "cloudevents_")
    for name in ("traceparent", "tracestate")
}


# Headers that name the event: CloudEvents', and those that applications give it by themselves.
_IDS = frozenset(
    {"ce_id", "ce-id", "cloudevents:id", "cloudevents_id", "message-id", "message_id", "event-id", "event_id"}
)
MAX_ID_LENGTH = 256  # characters


class _LenientGetter(Getter[Carrier]):
    """Reads headers of any origin: values are text or bytes, and a value of any other type counts as missing."""

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


MAX_VALUE_LENGTH = 8192  # characters of a header's value: the limit of W3C Baggage


MAX_HEADERS_READ = 1000  # headers of one message, counted from its end


_getter = _LenientGetter()


def inject(context: Context) -> dict[str, str]:
    """Return the headers that carry a context."""
    info = _propagator_info
    if getattr(propagate, _PLACE, _PLACE) is not info.propagator:
        info = _global_propagator()
    headers = write(context) if info.default else None
    if headers is not None:
        return headers
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context)
    for name in [name for name, value in carrier.items() if len(value) > MAX_VALUE_LENGTH]:
        del carrier[name]  # baggage that has piled up: the broker or a reader might refuse the message
    return carrier


def extract(headers: Headers) -> tuple[Context, SpanContext | None]:
    """Return the context that headers carry, and the producer's span context or None."""
    context, origin = read(headers)
    return (remote_parent(origin) if origin is not None else EMPTY) if context is None else context, origin


def read(headers: Headers) -> Extracted:
    """Return what headers carry; of those that are repeated, the last one that is valid counts."""
    if not headers:
        return EMPTY, None
    try:
        name, parent = None, None
        if type(headers) is list and len(headers) == 1:
            name, parent = headers[0]
        elif type(headers) is dict and len(headers) == 1:
            name, parent = PARENT, headers.get(PARENT)
        info = _propagator_info
        if getattr(propagate, _PLACE, _PLACE) is not info.propagator:
            info = _global_propagator()
        if name == PARENT and info.default and (origin := read_parent(parent)) is not None:
            return None, origin  # all that most messages carry
        return _extract(headers if type(headers) is list else as_pairs(headers))
    except (TypeError, ValueError):
        return EMPTY, None  # the object is no headers


def _extract(headers: list[tuple[Any, Any]]) -> Extracted:
    headers = headers if len(headers) <= MAX_HEADERS_READ else headers[-MAX_HEADERS_READ:]
    carrier = _carrier(headers)
    if STATE not in carrier and BAGGAGE not in carrier and _global_propagator().default:
        origin = read_parent(carrier.get(PARENT))
        if origin is not None:
            return None, origin
    context = propagate.extract(carrier, EMPTY, _getter)
    origin = _span_context(context)
    if origin is None and len(carrier) < len(headers):
        return _extract_without_last(headers) or (context, None)
    return context, origin


def span_context_in(headers: Headers) -> SpanContext | None:
    """Return the span context that headers carry already, or None if they carry none."""
    try:
        if not headers or _global_propagator().fields.isdisjoint([_lower_name(name) for name, _ in as_pairs(headers)]):
            return None
        return read(headers)[1]
    except (TypeError, ValueError):
        return None  # the object is no headers: the library refuses it with its own error


def _span_context(context: Context) -> SpanContext | None:
    if not context:
        return None
    span_context = span_in(context).get_span_context()
    return span_context if span_context.is_valid else None


def _extract_without_last(headers: list[tuple[Any, Any]]) -> Extracted | None:
    # The last of the repeated headers is invalid: try without it. A sender must not choose how often.
    positions = [
        position for position, (name, _) in enumerate(headers) if _lower_name(name) in _global_propagator().fields
    ]
    for end in positions[: -_MAX_REPEATED_HEADERS - 1 : -1]:
        context = propagate.extract(_carrier(headers[:end]), EMPTY, _getter)
        if origin := _span_context(context):
            return context, origin
    return None


def event_id(headers: Headers) -> str | None:
    """Return the id that the sender gave the event in a header of its own, or None if there is none."""
    try:
        if type(headers) is dict and len(headers) == 1 and PARENT in headers:
            return None  # as in most messages
        if type(headers) is not list:
            headers = as_pairs(headers)
        elif len(headers) == 1 and headers[0][0] == PARENT:
            return None
        for name, value in headers:
            if type(name) is str and name.lower() in _IDS:
                found = _getter.get({name: value}, name)
                return found[0] if found and 0 < len(found[0]) <= MAX_ID_LENGTH else None
    except (TypeError, ValueError):
        pass  # the object is no headers
    return None


def as_pairs(headers: Headers) -> list[tuple[Any, Any]]:
    """Return headers as a list of pairs of name and value."""
    if isinstance(headers, list):
        return headers
    if type(headers) is dict:  # whether something is a mapping is a long question
        return list(headers.items())
    return list(headers.items() if isinstance(headers, Mapping) else headers or ())


def _carrier(headers: Iterable[tuple[Any, Any]]) -> Carrier:
    carrier: Carrier = {}
    cloudevents: Carrier = {}
    for name, value in headers:
        key = name.lower() if type(name) is str else _lower_name(name)
        if key in _CLOUDEVENTS:
            cloudevents[_CLOUDEVENTS[key]] = value
        carrier[key] = value
    return {**cloudevents, **carrier} if cloudevents else carrier


def _lower_name(name: object) -> str:
    if isinstance(name, str):
        return name.lower()
    return bytes(name).decode("utf-8", "replace").lower() if isinstance(name, (bytes, bytearray)) else ""


_MAX_REPEATED_HEADERS = 20


class _PropagatorInfo(NamedTuple):
    """The global propagator, the names of its headers in all spellings, and whether it is the default one."""

    propagator: TextMapPropagator | None
    fields: frozenset[str]
    default: bool


_propagator_info = _PropagatorInfo(None, frozenset(), False)


_PLACE = "_HTTP_TEXT_FORMAT"  # where the API keeps the global propagator; its function, which returns it, is a call


def _global_propagator() -> _PropagatorInfo:
    # A composite propagator computes its fields at each call.
    global _propagator_info
    propagator = propagate.get_global_textmap()
    if _propagator_info.propagator is not propagator:
        fields = {name.lower() for name in propagator.fields}
        spellings = {spellings for spellings, name in _CLOUDEVENTS.items() if name in fields}
        _propagator_info = _PropagatorInfo(propagator, frozenset(fields | spellings), is_default(propagator))
    return _propagator_info
