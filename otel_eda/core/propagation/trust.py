"""What of the context that comes in is gone by: all of it, a link and some baggage, or nothing."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry import baggage

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
    rule = trust_rule(settings.trust, message.destination)
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


@lru_cache(4096)
def trust_rule(setting: str, destination: str) -> str:
    """Give the rule of the last pattern that fits; what stands alone is for every destination."""
    chosen = "parent"
    for part in setting.split(","):
        pattern, equals, rule = part.strip().rpartition("=")
        if not equals or fnmatchcase(destination, pattern.strip()):
            chosen = rule.strip().lower()
    return chosen


Polled: TypeAlias = "tuple[Message, Context, SpanContext | None]"
"""A polled message and what its headers carry."""
