"""Events: log records with a name, which no sampler drops."""

from __future__ import annotations

from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context


_provider: LoggerProvider | None = None


def set_provider(provider: LoggerProvider | None) -> None:
    """Emit events to this provider, or to the global one for None."""
    global _provider
    _provider = provider


def provider() -> LoggerProvider | None:
    """Return the provider that events go to, None for the global one."""
    return _provider


@on_reset
def _reset_provider() -> None:
    set_provider(None)


def emit(name: str, attributes: Mapping[str, Any], severity: str = "INFO", context: Context | None = None) -> None:
    """Emit an event with a name and attributes; do nothing where the logs API has no event names yet."""
    # `opentelemetry._logs` is loaded at the first event: most processes have none.
    from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

    if _records_have_names():
        get_logger("otel_eda", logger_provider=_provider, schema_url=semconv.SCHEMA).emit(
            LogRecord(
                event_name=name,
                context=context,
                severity_number=SeverityNumber[severity],
                severity_text=severity,
                attributes=dict(attributes),
            )
        )


@cache
def _records_have_names() -> bool:
    # Before opentelemetry-api 1.36 a record has no event name, and without one an event is useless.
    from opentelemetry._logs import LogRecord

    return "event_name" in signature(LogRecord).parameters
