"""Sends that were refused at the call, and the calls that repeat them."""

from __future__ import annotations

from copyreg import _slotnames  # type: ignore[attr-defined]  # `copy` and `pickle` ask it, too
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import format_span_id

from otel_eda import semconv
from otel_eda.core.runtime.bounds import drop_oldest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.trace import Span

    from otel_eda.core.clients.client import Client

_MAX_REFUSED = 100  # messages of one client
_DEPTH = 8  # of what the arguments hold
_HOW = (int, float, type(None))  # flags, time-outs, times: what may differ when the same message is sent again


def refused(client: Client, call: tuple[Any, ...], span: Span, at_once: bool) -> None:
    """Remember a call that the client refused `at_once`, else the broker; the application may repeat it.

    `call` are the arguments that say what is sent and where. They are not kept alive.
    """
    if at_once:
        span.set_attribute(semconv.SEND_REFUSED, True)
    client.refused_sends[_fingerprint(call)] = span.get_span_context().span_id
    drop_oldest(client.refused_sends, _MAX_REFUSED)


def mark_repeat(client: Client, call: tuple[Any, ...], span: Span) -> None:
    """Name on a span the refused send that its call repeats, if it repeats one."""
    span_id = client.refused_sends.pop(_fingerprint(call), None)
    if span_id is not None:
        span.set_attribute(semconv.REPEATS, format_span_id(span_id))


def _fingerprint(part: Any, depth: int = _DEPTH) -> int:
    # An object is what it holds: whoever sends a message again may make it anew.
    held = _held(part) if depth else None
    if held is not None:
        kept = [each for each in held if not isinstance(each, _HOW) and not callable(each)]
        return hash(tuple(_fingerprint(each, depth - 1) for each in kept))
    try:
        return hash(part)
    except TypeError:
        return id(part)


def _held(part: Any) -> Iterable[Any] | None:
    if isinstance(part, (tuple, list)):
        return part
    if isinstance(part, dict):
        return part.items()
    kind: Any = type(part)
    if kind.__hash__ not in {object.__hash__, None}:
        return None
    in_slots = [(name, getattr(part, name, None)) for name in _slotnames(kind)]
    return [*getattr(part, "__dict__", {}).items(), *in_slots] or None
