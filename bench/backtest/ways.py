"""Ways to foretell when a bound is reached: ours, and those that it has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.forecast import reaching

from .shapes import STEP
from .steps import latest

if TYPE_CHECKING:
    from otel_eda.forecast import Reach, TimeSeries

TEN_MINUTES = 10
HORIZON = 240  # minutes that a baseline looks ahead


def ours(series: TimeSeries, bound: float) -> tuple[float, float] | None:
    found = reaching(latest(series.values), bound)
    return None if found is None or found.is_usual else minutes(series, found)


def minutes(series: TimeSeries, found: Reach) -> tuple[float, float]:
    """Return in how many minutes, from now on, a bound is reached."""
    return (found.earliest - series.end) / STEP, (found.latest - series.end) / STEP


def last_value(series: TimeSeries, bound: float) -> tuple[float, float] | None:
    """Nothing changes: so it is foretold when it is there."""
    last = series.values[-1]
    return (0.0, 1.0) if last is not None and last >= bound else None


def ten_minutes(series: TimeSeries, bound: float) -> tuple[float, float] | None:
    """The line of least squares through the last ten minutes goes on."""
    points = series.known(len(series.values) - TEN_MINUTES)
    if len(points) < 3:
        return None
    place = sum(place for place, _ in points) / len(points)
    level = sum(value for _, value in points) / len(points)
    slope = sum((at - place) * (value - level) for at, value in points) / sum((at - place) ** 2 for at, _ in points)
    if slope <= 0:
        return None
    minutes = (bound - level) / slope - (points[-1][0] - place)
    return (0.8 * minutes, 1.2 * minutes) if 0 < minutes <= HORIZON else None


WAYS = {"otel-eda": ours, "last ten minutes": ten_minutes, "last value": last_value}
