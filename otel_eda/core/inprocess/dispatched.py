"""The event whose dispatch is in progress, and its type."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from otel_eda.core.runtime.guard import attribute_of

if TYPE_CHECKING:
    from opentelemetry.context import Context


EVENT_TYPE = "event_type"


class DispatchedEvent:
    """An event on its way to its handlers; `context` is the one of its dispatch, if the dispatch has a span."""

    __slots__ = ("context", "handled", "type")

    def __init__(self, type_: str, context: Context | None = None) -> None:
        self.type = type_
        self.context = context
        self.handled = False


dispatching: ContextVar[DispatchedEvent | None] = ContextVar("otel_eda.dispatching", default=None)


IN_HANDLER = DispatchedEvent("")
"""Stands for no event while a handler runs: what that calls by itself handles no event."""


def type_name(event: object) -> str:
    """Return an event's type as text."""
    return event.__name__ if isinstance(event, type) else str(event)


def event_type_of(key: str, given: tuple[Any, ...]) -> object:
    """Return the type of the event among arguments: an attribute or key, a text, or the name of the class."""
    for item in given:
        found = item.get(key) if isinstance(item, dict) else attribute_of(item, key)
        if found is not None:
            return found
    return given[0] if given and isinstance(given[0], str) else type(given[0]).__name__ if given else "unknown"
