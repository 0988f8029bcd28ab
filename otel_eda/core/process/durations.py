"""The metrics of a processing beside its duration: how long its message waited before, how old the message was."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_eda.core.clients.routes import Route


def record_wait(route: Route, partition: str | None, start: int, stamp: int, context: Context) -> None:
    """Record how long a message waited: from its timestamp, in milliseconds since 1970, to `start`, in nanoseconds."""
    route.last_timestamps[partition] = stamp
    waited = start / 1e9 - stamp / 1e3
    (route.usual_waits or route.waits(partition)).record(max(0.0, waited), context, start)


def record_age(  # noqa: PLR0917  # as above
    route: Route, partition: str | None, error: str | None, end: int, stamp: int, context: Context
) -> None:
    """Record how old a message was when its processing ended; units as above."""
    age = max(end / 1e9 - stamp / 1e3, 0.0)
    route.durations(route.scope.metrics.message_age, partition, error).record(age, context, end)
