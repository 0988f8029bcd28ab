"""The metric of how long a message waited before its processing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_eda.core.clients.routes import Route


def record_wait(route: Route, partition: str | None, start: int, stamp: int, context: Context) -> None:
    """Record how long a message waited: from its timestamp, in milliseconds since 1970, to `start`, in nanoseconds."""
    route.last_timestamps[partition] = stamp
    duration = max(start / 1e9 - stamp / 1e3, 0.0)
    route.scope.metrics.queue_duration.record(duration, route.duration_attributes(partition), context)
