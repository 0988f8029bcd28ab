"""Which operations are going on here: one inside another of its type passes through."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.context import attach, detach, get_current

from otel_eda.core.runtime.contexts import suppressed

if TYPE_CHECKING:
    from opentelemetry.context import Context


SEND, RECEIVE, SETTLE = 1, 2, 4


TIMED = 8  # an operation within which no other one measures the time


class Recorder(Protocol):
    """Where spans and metrics go: `scope` is None as long as they go nowhere, and `look` finds out anew."""

    scope: Any

    def find_scope(self) -> object:
        """Return the scope, or None if nothing records."""


class Operation:
    """An operation that goes on, with those around it; a task that inherits it sees it end."""

    __slots__ = ("attached", "record", "token", "types")

    def __init__(self, types: int = 0) -> None:
        self.types = types
        self.record: Any = None
        self.token: Token[Operation] | None = None
        self.attached: Token[Context] | None = None

    def __enter__(self) -> None:
        """Have it be what a block is within."""

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """End it, and bring back the context from before."""
        self.types = 0
        try:
            current_operation.reset(self.token)  # type: ignore[arg-type]  # who leaves has entered
        except ValueError:
            return  # a coroutine that was given up is closed in somebody else's context, which is as it was
        if self.attached is not None:
            detach(self.attached)


current_operation: ContextVar[Operation] = ContextVar("otel_eda.busy", default=Operation())  # noqa: B039  # it is never changed


def enter(type_: int, context: Context | None = None) -> Operation:
    """Begin an operation, in this context if one is given; 0 is the application's code, which is inside of none."""
    operation = Operation(type_ and current_operation.get().types | type_)
    operation.token = current_operation.set(operation)
    if context is not None:
        operation.attached = attach(context)
    return operation


def passes_through(telemetry: Recorder, operation: int = 0) -> bool:
    """Tell whether a wrapper has only to pass on: nothing records, it is suppressed, or it is an inner call."""
    if telemetry.scope is None and telemetry.find_scope() is None:
        return True
    if operation and current_operation.get().types & operation:
        return True
    context = get_current()
    return bool(context) and suppressed(context)


def sending() -> bool:
    """Tell whether a send with a span is going on here."""
    return bool(current_operation.get().types & SEND)
