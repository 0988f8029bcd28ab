"""Rates and durations of made traffic, some of which change at a known time, and what is found of that."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_eda.forecast import TimeSeries, left_past

from .shapes import BEGIN, DAY, DAYS, STEP, poisson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LATEST = 240  # minutes after a change in which it must be found


@dataclass(frozen=True)
class Level:
    """One series: its values, the minute of its change if there is one, and by how much they wander of themselves."""

    values: list[float]
    change: int | None
    noise: float


@dataclass
class Found:
    """What was found of some series."""

    changes: int = 0
    found: int = 0
    days: int = 0
    false: int = 0
    minutes: list[int] = field(default_factory=list)
    off: list[float] = field(default_factory=list)


def rate(luck: random.Random, factor: float | None) -> Level:
    """Return what comes each second, with days and nights."""
    mean, swing, phase = luck.choice((1.0, 10.0, 100.0)), luck.uniform(0, 0.7), luck.uniform(0, DAY)
    change = _change(luck, factor)
    values = []
    for minute in range(DAYS * DAY):
        comes = mean * (1 + swing * math.sin(2 * math.pi * (minute - phase) / DAY)) * luck.lognormvariate(0, 0.05)
        comes *= factor if factor is not None and change is not None and minute >= change else 1.0
        values.append(poisson(luck, comes * STEP) / STEP)
    return Level(values, change, math.sqrt(mean / STEP))


def duration(luck: random.Random, factor: float | None) -> Level:
    """Return how long processing takes, in the mean of each minute."""
    usual, wild, change = luck.choice((0.005, 0.05, 1.0)), luck.uniform(0.05, 0.3), _change(luck, factor)
    values = [
        usual * luck.lognormvariate(0, wild) * (factor if factor and change is not None and minute >= change else 1.0)
        for minute in range(DAYS * DAY)
    ]
    return Level(values, change, 0.0)


def _change(luck: random.Random, factor: float | None) -> int | None:
    minute = (DAYS - 1) * DAY + luck.randrange(60, DAY - LATEST)
    return None if factor is None else minute


SHAPES: dict[str, Callable[[random.Random, float | None], Level]] = {"rate": rate, "duration": duration}
FACTORS = (None, None, 2.0, 3.0)


def scored(number: int, seed: str, every: int = 10) -> Found:
    """Return what is found of so many series of each kind and factor, asked every so many minutes of the last day."""
    found = Found()
    for name, make in SHAPES.items():
        for turn, factor in enumerate(FACTORS * number):
            _add(found, make(random.Random(f"{seed}{name}{turn}"), factor), range((DAYS - 1) * DAY, DAYS * DAY, every))  # noqa: S311
    return found


def _add(found: Found, level: Level, minutes: Iterable[int]) -> None:
    found.days += level.change is None
    found.changes += level.change is not None
    for now in minutes:
        if level.change is not None and now > level.change + LATEST:
            return
        shift = left_past(TimeSeries(BEGIN, STEP, level.values[: now + 1]), noise=level.noise)
        if shift is None:
            continue
        if level.change is None or now < level.change:
            found.false += 1
            return
        found.found += 1
        found.minutes.append(now - level.change)
        found.off.append(abs((shift.since - BEGIN) / STEP - level.change))
        return
