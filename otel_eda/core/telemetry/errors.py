"""The marks that a failed operation leaves on its span."""

from __future__ import annotations

import os
import traceback
from asyncio import CancelledError
from typing import TYPE_CHECKING

from opentelemetry.trace import Status, StatusCode

from otel_eda import semconv
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.telemetry import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from otel_eda.core.message import Attributes


_SIGNAL_VARIABLE = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"


ENDS = (GeneratorExit, KeyboardInterrupt, SystemExit, CancelledError)
"""Exceptions by which something ends that was told to end: no failure of a message that is in work."""


class Outcome(Exception):  # noqa: N818  # the outcome of a message is no error of the program
    """The failure of an operation where no exception was raised; `kind` becomes `error.type`, the text the status."""

    def __init__(self, kind: str, description: str) -> None:
        super().__init__(description)
        self.kind = kind


class Unresolved(Outcome):
    """The outcome of a send or settlement whose answer never came."""

    def __init__(self, description: str) -> None:
        super().__init__(semconv.UNRESOLVED, description)


codes: dict[str, Callable[[BaseException], str | None]] = {}
"""By library, what reads the code of an exception whose class says too little; None for any other exception."""


def error_type(error: BaseException) -> str:
    """Return an exception's code, where its library has codes, else its class."""
    for code in codes.values():
        found = _read(code, error)
        if found is not None:
            return found
    return exception_type(error)


@guarded
def _read(code: Callable[[BaseException], str | None], error: BaseException) -> str | None:
    return code(error)


def exception_type(error: BaseException) -> str:
    """Return the qualified name of an exception's class, without the module for a builtin one.

    The SDK names exceptions in the same way.
    """
    return class_name(type(error))


def class_name(kind: type) -> str:
    """Return the qualified name of a class, without the module for a builtin one."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def record(span: Span, error: BaseException, operation: str, context: Context | None = None) -> str:
    """Record on a span that its operation failed with an exception, and return the `error.type`.

    The exception becomes a span event, or, as `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` demands, a log record
    `messaging.{operation}.exception` (`logs`) or both (`logs/dup`). See
    https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/.
    """
    if isinstance(error, Outcome):
        mark(span, error.kind, str(error))
        return error.kind
    kind = error_type(error)
    signals = {item.strip() for item in os.environ.get(_SIGNAL_VARIABLE, "").split(",")}
    if span.is_recording():
        if "logs" not in signals:
            span.add_event("exception", _exception_attributes(error))
        mark(span, kind, message(error))
    if signals & {"logs", "logs/dup"}:
        _emit_log_record(error, operation, context)
    return kind


def mark(span: Span, kind: str, message: str | None = None) -> None:
    """Set the `error.type` and the status of a span whose operation failed."""
    span.set_attribute(semconv.ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR, message))


def message(error: BaseException) -> str:
    """Return an exception's text, or an empty one if the exception cannot be printed."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # the application's exception cannot be printed
        return ""


def _exception_attributes(error: BaseException) -> Attributes:
    return {
        semconv.EXCEPTION_TYPE: exception_type(error),
        semconv.EXCEPTION_MESSAGE: message(error),
        semconv.EXCEPTION_STACKTRACE: "".join(traceback.format_exception(type(error), error, error.__traceback__)),
    }


def _emit_log_record(error: BaseException, operation: str, context: Context | None) -> None:
    severity = "ERROR" if operation == "process" else "WARN"
    events.emit(f"messaging.{operation}.exception", _exception_attributes(error), severity, context)


def mark_ended(span: Span, error: BaseException) -> None:
    """Mark a span as abandoned: its code was told to end, by an exception that is named where it is known."""
    span.set_attribute(semconv.ABANDONED, True)
    if not isinstance(error, GeneratorExit):
        span.set_attribute(semconv.ENDED_BY, exception_type(error))
