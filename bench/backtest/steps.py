"""The steps that the product makes of readings, one a minute: more of them in each, the longer they are known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from otel_eda.diagnosis.prediction.measures import MOST_STEPS
from otel_eda.forecast import TimeSeries

from .shapes import BEGIN, STEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Values = Sequence[float | None]


def latest(values: Values) -> TimeSeries:
    """Return the series of a level: the last reading of each step."""
    return _stepped(values, lambda part: part[-1])


def pauses(values: Values) -> TimeSeries:
    """Return the series of the times without a poll: each of the last readings."""
    return TimeSeries(BEGIN + max(len(values) - MOST_STEPS, 0) * STEP, STEP, [*values[-MOST_STEPS:]])


def mean(values: Values) -> TimeSeries:
    """Return the series of what is counted: the mean of each step."""
    return _stepped(values, lambda part: sum(part) / len(part))


def _stepped(values: Values, told: Callable[[list[float]], float]) -> TimeSeries:
    size = max(math.ceil((len(values) - 1) / MOST_STEPS), 1)
    parts = ([value for value in part if value is not None] for part in _parts(values, size))
    return TimeSeries(BEGIN, size * STEP, [told(part) if part else None for part in parts])


def _parts(values: Values, size: int) -> Iterator[Values]:
    """Yield the readings of each step: those that are nearest to its time."""
    yield values[: -(-size // 2)]
    for start in range(-(-size // 2), len(values), size):
        yield values[start : start + size]
