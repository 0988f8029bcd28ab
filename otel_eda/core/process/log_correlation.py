"""The message in work on each log record that OpenTelemetry exports; other handlers' records stay as they are."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.clients.attributes import destination_attribute
from otel_eda.core.patching.patch import ModulePatches, patch
from otel_eda.core.runtime.contexts import PROCESSING, get_current
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from logging import LogRecord
    from types import ModuleType

    from otel_eda.core.patching.patch import Function, Patch, Switch
    from otel_eda.core.process.processing import Processing


HANDLER_MODULES = ("opentelemetry.sdk._logs._internal", "opentelemetry.instrumentation.logging.handler")
"""The modules with handlers that turn Python's log records into OpenTelemetry's."""


@guarded
def with_message(record: LogRecord) -> LogRecord | None:
    """Return a copy of a record with the attributes of the message in work, or None if there is none."""
    processing: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    if processing is None or processing.done:
        return None
    copied = copy.copy(record)  # other handlers get the same record, and may print all its attributes
    copied.__dict__ = {**_message_attributes(processing), **vars(record)}
    return copied


def _message_attributes(processing: Processing) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        semconv.SYSTEM: processing.client.library.system,
        **destination_attribute(processing.route.destination),
    }
    if processing.partition is not None:
        attributes[semconv.PARTITION] = processing.partition
    if processing.partition_ledger is not None:
        attributes[semconv.OFFSET] = processing.offset
    return attributes


def _wrap_emit(original: Function, switch: Switch) -> Function:
    def emit(handler: Any, record: LogRecord) -> Any:
        return original(handler, (switch.on and with_message(record)) or record)

    return emit


def _patched(module: ModuleType) -> list[Patch]:
    handler = getattr(module, "LoggingHandler", None)
    if handler is None or "emit" not in vars(handler):
        return []
    return [patch(handler, "emit", _wrap_emit)]


# The handlers that turn Python's log records into OpenTelemetry's.
log_correlation = ModulePatches(HANDLER_MODULES, _patched)
on_reset(log_correlation.disable)
