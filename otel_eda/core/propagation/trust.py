"""The part of incoming context that is accepted: all of it, a link and some baggage, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from opentelemetry import baggage

from otel_eda.config import last_rule
from otel_eda.core.propagation.headers import extract
from otel_eda.core.runtime.contexts import EMPTY

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from otel_eda.config import Config
    from otel_eda.core.message import Message
    from otel_eda.core.propagation.headers import Extracted


def incoming_context(message: Message, settings: Config) -> Extracted:
    """Return the context to continue from a message and the span context to link to, as `OTEL_EDA_TRUST` allows."""
    if settings.trust == "parent":
        return extract(message.headers)
    rule = last_rule(settings.trust, message.destination) or "parent"
    if rule == "drop":
        return EMPTY, None
    context, origin = extract(message.headers)
    return (
        (context, origin) if rule == "parent" or not context else (_allowed_baggage(context, settings.baggage), origin)
    )


def _allowed_baggage(context: Context, accepted: tuple[str, ...]) -> Context:
    allowed = EMPTY
    for name, value in baggage.get_all(context).items():
        if name.lower() in accepted:
            allowed = baggage.set_baggage(name, value, allowed)
    return allowed


Polled: TypeAlias = "tuple[Message, Context, SpanContext | None]"
"""A polled message, the context that its headers carry, and the producer's span context."""
