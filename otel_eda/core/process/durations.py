"""The metrics of a processing: how long its message waited before, how long it took, how old the message was."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_eda.core.clients.routes import Route


def record_wait(route: Route, partition: str | None, start: int, stamp: int, context: Context) -> None:
    """Record how long a message waited: from its timestamp, in milliseconds since 1970, to `start`, in nanoseconds."""
    route.last_timestamps[partition] = stamp
    waited = start / 1e9 - stamp / 1e3
    route.durations(route.scope.metrics.queue_duration, partition).record(max(0.0, waited), context)


def record_durations(  # noqa: PLR0917  # called for each message: names would cost
    route: Route, partition: str | None, error: str | None, start: int, end: int, stamp: int | None, context: Context
) -> None:
    """Record how long a processing took, from `start` to `end`, and how old its message was then; units as above."""
    metrics = route.scope.metrics
    route.durations(metrics.process_duration, partition, error).record(max(end - start, 0) / 1e9, context)
    if stamp is not None and route.settings.message_age:
        age = max(end / 1e9 - stamp / 1e3, 0.0)
        route.durations(metrics.message_age, partition, error).record(age, context)
