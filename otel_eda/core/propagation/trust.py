"""The part of incoming context that is accepted: all of it, a link and some baggage, or nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry import baggage

from otel_eda.config import last_rule
from otel_eda.core.propagation.headers import read
from otel_eda.core.runtime.contexts import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from otel_eda.config import Config
    from otel_eda.core.message import Headers, Message
    from otel_eda.core.propagation.headers import Extracted


def incoming(destination: str, settings: Config) -> Callable[[Headers], Extracted]:
    """Return what reads, from headers of a destination's messages, the context to continue and the span to link to.

    It gives as much of them as `OTEL_EDA_TRUST` allows.
    """
    rule = "parent" if settings.trust == "parent" else last_rule(settings.trust, destination) or "parent"
    if rule == "drop":
        return _nothing
    return read if rule == "parent" else partial(_linked, settings.baggage)


def _nothing(_: Headers) -> Extracted:
    return EMPTY, None


def _linked(accepted: tuple[str, ...], headers: Headers) -> Extracted:
    context, origin = read(headers)
    return (_allowed_baggage(context, accepted) if context else EMPTY), origin


def incoming_context(message: Message, settings: Config) -> Extracted:
    """Return the context to continue from a message and the span context to link to, as `OTEL_EDA_TRUST` allows."""
    return incoming(message.destination, settings)(message.headers)


def _allowed_baggage(context: Context, accepted: tuple[str, ...]) -> Context:
    allowed = EMPTY
    for name, value in baggage.get_all(context).items():
        if name.lower() in accepted:
            allowed = baggage.set_baggage(name, value, allowed)
    return allowed


Polled: TypeAlias = "tuple[Message, Context | None, SpanContext | None]"
"""A polled message, and what its headers carry: see `Extracted`."""
