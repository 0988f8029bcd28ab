"""How old a message was when its processing ended, for whoever asks for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_eda.core.clients.routes import Route


def record_age(  # noqa: PLR0917  # called for each message: names would cost
    route: Route, partition: str | None, error: str | None, end: int, stamp: int, context: Context
) -> None:
    """Record how old a message, stamped in milliseconds since 1970, was when its processing ended, in nanoseconds."""
    age = max(end / 1e9 - stamp / 1e3, 0.0)
    route.durations(route.scope.metrics.message_age, partition, error).record(age, context, end)
