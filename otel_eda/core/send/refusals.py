"""Sends that the client refused at once, and the calls that repeat them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import format_span_id

from otel_eda import semconv
from otel_eda.core.runtime.bounds import drop_oldest

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from otel_eda.core.clients.client import Client

_MAX_REFUSED = 100  # messages of one client
_HOW = (int, float, type(None))  # flags, time-outs, times: what may differ when the same message is sent again


def refused(client: Client, call: tuple[Any, ...], span: Span) -> None:
    """Remember a call that the client refused; the application may repeat it.

    `call` are the arguments that say what is sent and where. They are not kept alive.
    """
    span.set_attribute(semconv.SEND_REFUSED, True)
    client.refused_sends[_fingerprint(call)] = span.get_span_context().span_id
    drop_oldest(client.refused_sends, _MAX_REFUSED)


def mark_repeat(client: Client, call: tuple[Any, ...], span: Span) -> None:
    """Name on a span the refused send that its call repeats, if it repeats one."""
    span_id = client.refused_sends.pop(_fingerprint(call), None)
    if span_id is not None:
        span.set_attribute(semconv.REPEATS, format_span_id(span_id))


def _fingerprint(part: Any) -> int:
    if isinstance(part, tuple):
        part = tuple(each for each in part if not isinstance(each, _HOW) and not callable(each))
    try:
        return hash(part)
    except TypeError:
        return hash(tuple(map(_fingerprint, part))) if isinstance(part, (list, tuple)) else id(part)
