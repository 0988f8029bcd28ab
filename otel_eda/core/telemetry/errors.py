"""What a failed operation leaves on its span."""

from __future__ import annotations

import os
import traceback
from asyncio import CancelledError
from typing import TYPE_CHECKING

from opentelemetry.trace import Status, StatusCode

from otel_eda import semconv
from otel_eda.core.telemetry import events

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from otel_eda.core.message import Attributes


_SIGNAL_VARIABLE = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"


ENDS = (GeneratorExit, KeyboardInterrupt, SystemExit, CancelledError)
"""Exceptions by which something ends that was told to end: no failure of a message that is in work."""


class Outcome(Exception):  # noqa: N818  # what becomes of a message is not an error of anyone
    """What became of an operation where no exception tells it: the kind, as `error.type`, and in words."""

    def __init__(self, kind: str, told: str) -> None:
        super().__init__(told)
        self.kind = kind


class Unresolved(Outcome):
    """The broker's answer never came."""

    def __init__(self, told: str) -> None:
        super().__init__(semconv.UNRESOLVED, told)


def error_type(error: BaseException) -> str:
    """Give an exception's class with its module, without it for a builtin one (as the SDK names exceptions)."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def record(span: Span, error: BaseException, operation: str, context: Context | None = None) -> str:
    """Note on a span that it failed with this exception; gives `error.type`.

    The exception becomes a span event, or, as `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` says, a log record
    `messaging.{operation}.exception` (`logs`) or both (`logs/dup`).
    """
    if isinstance(error, Outcome):
        mark(span, error.kind, str(error))
        return error.kind
    kind = error_type(error)
    choice = {item.strip() for item in os.environ.get(_SIGNAL_VARIABLE, "").split(",")}
    if span.is_recording():
        if "logs" not in choice:
            span.add_event("exception", _exception_attributes(error))
        mark(span, kind, message(error))
    if choice & {"logs", "logs/dup"}:
        _emit_log_record(error, operation, context)
    return kind


def mark(span: Span, kind: str, message: str | None = None) -> None:
    """Note on a span that it failed."""
    span.set_attribute(semconv.ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR, message))


def message(error: BaseException) -> str:
    """Give an exception's own text."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # an application's own, that can't be printed
        return ""


def _exception_attributes(error: BaseException) -> Attributes:
    return {
        semconv.EXCEPTION_TYPE: error_type(error),
        semconv.EXCEPTION_MESSAGE: message(error),
        semconv.EXCEPTION_STACKTRACE: "".join(traceback.format_exception(type(error), error, error.__traceback__)),
    }


def _emit_log_record(error: BaseException, operation: str, context: Context | None) -> None:
    severity = "ERROR" if operation == "process" else "WARN"
    events.emit(f"messaging.{operation}.exception", _exception_attributes(error), severity, context)
