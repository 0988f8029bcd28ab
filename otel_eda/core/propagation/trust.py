"""What of the context that comes in is gone by: all of it, a link and some baggage, or nothing."""

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
    """Give what of a message's context is to be gone by: all, a link and some baggage, or nothing."""
    if settings.trust == "parent":
        return extract(message.headers)
    rule = last_rule(settings.trust, message.destination) or "parent"
    if rule == "drop":
        return EMPTY, None
    found, origin = extract(message.headers)
    return (found, origin) if rule == "parent" or not found else (_allowed_baggage(found, settings.baggage), origin)


def _allowed_baggage(found: Context, accepted: tuple[str, ...]) -> Context:
    kept = EMPTY
    for name, value in baggage.get_all(found).items():
        if name.lower() in accepted:
            kept = baggage.set_baggage(name, value, kept)
    return kept


Polled: TypeAlias = "tuple[Message, Context, SpanContext | None]"
"""A polled message and what its headers carry."""
