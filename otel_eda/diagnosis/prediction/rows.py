"""What all rows of predictions tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PredictionRow:
    """What a row is of, and the first and last time of the telemetry that tells it, in nanoseconds since 1970."""

    kind: str
    system: str | None
    service: str | None
    instance: str | None
    destination: str | None
    consumer_group: str | None
    first_time: int
    last_time: int
