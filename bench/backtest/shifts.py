"""Rates and durations of made traffic, some of which change at a known time, and what is found of that."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_eda.forecast import left_past

from .shapes import BEGIN, DAY, STEP, poisson
from .steps import mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DAYS = (4, 8, 10)  # that are known: in steps of 4, 8 and 10 minutes, as the product makes them
LATEST = 240  # minutes after a change in which it must be found


@dataclass(frozen=True)
class Level:
    """One series: its values, the minute of its change if there is one, and by how much they wander of themselves."""

    values: list[float]
    change: int | None
    noise: float

    @property
    def last_day(self) -> range:
        """The minutes of the last day."""
        return range(len(self.values) - DAY, len(self.values))


@dataclass
class Found:
    """What was found of some series."""

    changes: int = 0
    found: int = 0
    days: int = 0
    false: int = 0
    minutes: list[int] = field(default_factory=list)
    off: list[float] = field(default_factory=list)


def rate(luck: random.Random, factor: float | None, days: int) -> Level:
    """Return what comes each second, with days and nights."""
    swing, phase = luck.uniform(0, 0.7), luck.uniform(0, DAY)
    return _coming(luck, factor, days, lambda minute: 1 + swing * math.sin(2 * math.pi * (minute - phase) / DAY))


def rush(luck: random.Random, factor: float | None, days: int) -> Level:
    """Return what comes each second, most of it in a few hours of each day."""
    height, hours, at = luck.uniform(2, 5), luck.uniform(1.5, 3), luck.uniform(0.3, 0.7) * DAY
    return _coming(
        luck, factor, days, lambda minute: 1 + height * math.exp(-(((minute % DAY - at) / (60 * hours)) ** 2))
    )


def _coming(luck: random.Random, factor: float | None, days: int, course: Callable[[int], float]) -> Level:
    mean, change = luck.choice((1.0, 10.0, 100.0)), _change(luck, factor, days)
    values = []
    for minute in range(days * DAY):
        comes = mean * course(minute) * luck.lognormvariate(0, 0.05)
        comes *= factor if factor is not None and change is not None and minute >= change else 1.0
        values.append(poisson(luck, comes * STEP) / STEP)
    return Level(values, change, math.sqrt(mean / STEP))


def duration(luck: random.Random, factor: float | None, days: int) -> Level:
    """Return how long processing takes, in the mean of each minute."""
    usual, wild, change = luck.choice((0.005, 0.05, 1.0)), luck.uniform(0.05, 0.3), _change(luck, factor, days)
    values = [
        usual * luck.lognormvariate(0, wild) * (factor if factor and change is not None and minute >= change else 1.0)
        for minute in range(days * DAY)
    ]
    return Level(values, change, 0.0)


def _change(luck: random.Random, factor: float | None, days: int) -> int | None:
    minute = (days - 1) * DAY + luck.randrange(60, DAY - LATEST)
    return None if factor is None else minute


SHAPES: dict[str, Callable[[random.Random, float | None, int], Level]] = {
    made.__name__: made for made in (rate, rush, duration)
}
FACTORS = (None, None, 2.0, 3.0)


def scored(number: int, seed: str, every: int = 10) -> Found:
    """Return what is found of so many series of each kind and factor, asked every so many minutes of the last day."""
    found = Found()
    for name, make in SHAPES.items():
        for turn, factor in enumerate(FACTORS * number):
            days = DAYS[turn % len(DAYS)]
            level = make(random.Random(f"{seed}{name}{turn}"), factor, days)  # noqa: S311
            _add(found, level, level.last_day[::every])
    return found


def _add(found: Found, level: Level, minutes: Iterable[int]) -> None:
    found.days += level.change is None
    found.changes += level.change is not None
    for now in minutes:
        if level.change is not None and now > level.change + LATEST:
            return
        series = mean(level.values[: now + 1])
        shift = left_past(series, noise=level.noise * (STEP / series.step) ** 0.5)
        if shift is None:
            continue
        if level.change is None or now < level.change:
            found.false += 1
            return
        found.found += 1
        found.minutes.append(now - level.change)
        found.off.append(abs((shift.since - BEGIN) / STEP - level.change))
        return
