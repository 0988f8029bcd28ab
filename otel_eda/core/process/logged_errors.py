"""Errors that are logged while a message is processed, as events of its process span, whether logs are exported or not.

A handler that logs an error and goes on ends well, and so does the call of a framework that catches all of them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.patching.patch import ModulePatches, patch
from otel_eda.core.runtime.contexts import PROCESSING, get_current
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset
from otel_eda.core.telemetry import errors

if TYPE_CHECKING:
    from types import ModuleType

    from otel_eda.core.patching.patch import Function, Patch, Switch
    from otel_eda.core.process.processing import Processing


@guarded
def _record(record: logging.LogRecord) -> None:
    processing: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    if processing is None or processing.done or not processing.span.is_recording():
        return
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    attributes = {} if error is None else {semconv.EXCEPTION_TYPE: errors.error_type(error)}
    processing.span.add_event(semconv.ERROR_LOGGED, {**attributes, semconv.LOGGER: record.name})


def _wrap_handle(original: Function, switch: Switch) -> Function:
    def handle(logger: Any, record: logging.LogRecord) -> Any:
        if switch.on and record.levelno >= logging.ERROR:
            _record(record)
        return original(logger, record)

    return handle


def _patched(module: ModuleType) -> list[Patch]:
    return [patch(module.Logger, "handle", _wrap_handle)]


logged_errors = ModulePatches(["logging"], _patched)
on_reset(logged_errors.disable)
