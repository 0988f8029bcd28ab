"""The operations in progress in the current context: an inner operation of the same type passes through."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda.core.runtime.contexts import SUPPRESSING_KEYS, attach, detach, get_current, suppressed

if TYPE_CHECKING:
    from opentelemetry.context import Context


SEND, RECEIVE, SETTLE = 1, 2, 4


TIMED = 8  # set in an operation that records the duration: one inside of it does not


class Recorder(Protocol):
    """The part of `Telemetry` that a wrapper asks first; `scope` is None as long as nothing is recorded."""

    scope: Any

    def find_scope(self) -> object:
        """Return the scope, or None if nothing is recorded."""


class Operation:
    """An operation in progress, with the types of those around it; a task that has inherited it sees it end.

    `outer` are the types of those around it alone.
    """

    types = outer = 0
    record: Any = None
    token: Token[Operation] | None = None
    attached: Token[Context] | None = None

    def leave(self) -> None:
        """End the operation, and restore the context from before it."""
        self.types = 0
        try:
            current_operation.reset(self.token)  # type: ignore[arg-type]  # `enter` has set it
        except ValueError:
            return  # an abandoned coroutine is closed in a foreign context, which needs no restoring
        if self.attached is not None:
            detach(self.attached)


current_operation: ContextVar[Operation] = ContextVar("otel_eda.busy", default=Operation())  # noqa: B039  # it is never changed


def enter(type_: int, context: Context | None = None) -> Operation:
    """Begin an operation and return it; with a context, that context is current until the operation is left.

    Type 0 stands for the application's code, which is inside of no operation.
    """
    operation = Operation()
    operation.outer = outer = current_operation.get().types
    operation.types = type_ and outer | type_
    operation.token = current_operation.set(operation)
    if context is not None:
        operation.attached = attach(context)
    return operation


def passes_through(telemetry: Recorder, operation: int = 0) -> bool:
    """Return whether a wrapper only calls the original.

    It does if nothing is recorded, inside of an operation of the same type, and where instrumentation is suppressed.
    """
    if telemetry.scope is None and telemetry.find_scope() is None:
        return True
    if operation and current_operation.get().types & operation:
        return True
    context = get_current()
    return not SUPPRESSING_KEYS.isdisjoint(context) and suppressed(context)


def sending() -> bool:
    """Return whether a send that has a span is in progress in the current context."""
    return bool(current_operation.get().types & SEND)
