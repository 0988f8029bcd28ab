"""Which operations are going on here: one inside another of its type passes through."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry.context import get_current

from .contexts import suppressed

if TYPE_CHECKING:
    from .library import Library

SEND, RECEIVE, SETTLE = 1, 2, 4
busy: ContextVar[int] = ContextVar("otel_eda.busy", default=0)


def idle(library: Library, operation: int = 0) -> bool:
    """Tell whether a wrapper has only to pass on: nothing records, it is suppressed, or it is an inner call."""
    telemetry = library.telemetry
    if telemetry.scope is None and telemetry.look() is None:
        return True
    return bool(busy.get() & operation) or suppressed(get_current())
