"""Consumers whose pauses between two polls are known, and their poll limit, which some come to on the last day."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from otel_eda.forecast import oldest, reaching, running_out

from .score import Score, scored
from .shapes import DAY, DAYS, STEP, Course
from .steps import pauses
from .ways import minutes

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.forecast import TimeSeries

Pause: TypeAlias = "Callable[[float], float]"  # how long it is from a poll at some minute to the next one, in seconds
LIMIT = 300.0  # seconds, the default of Kafka's clients
MINUTES = DAYS * DAY
BEFORE = 20  # minutes before a consumer is stuck, from which on it is asked


@dataclass
class Consumer(Course):
    """The longest time without a poll in each minute, and what a reading at its end shows of that."""

    shown: list[float | None] = field(default_factory=list)

    def seen(self) -> list[float | None]:
        """Return the time since the last poll as telemetry shows it."""
        return self.shown


def foretell(series: TimeSeries, bound: float) -> tuple[float, float] | None:
    """Return in how many minutes the limit is passed, as EDA805 says it."""
    ages = pauses(series.values)
    if silent := running_out(ages, bound):
        return minutes(series, silent)
    slower = reaching(oldest(ages), bound)
    return None if slower is None or slower.is_usual else minutes(series, slower)


def asked(number: int, seed: str, every: int = 10) -> Score:
    """Return what is foretold of so many consumers of each shape, asked every so many minutes; each, if stuck."""
    score = Score()
    for course in courses(number, seed):
        score.add(scored([course], foretell, 1 if course.name == stuck.__name__ else every))
    return score


def courses(number: int, seed: str) -> list[Consumer]:
    """Return so many consumers of each shape; the same ones each time."""
    return [
        _consumer(random.Random(f"{seed}{shape.__name__}{turn}"), shape)  # noqa: S311
        for shape in (steady, long_batches, slower_by_day, grows, stuck)
        for turn in range(number)
    ]


def steady(luck: random.Random, usual: Pause) -> tuple[Pause, int | None]:
    """Poll at the same pace all the time."""
    del luck
    return usual, None


def long_batches(luck: random.Random, usual: Pause) -> tuple[Pause, int | None]:
    """Work at something long each hour or so, and be through in time."""
    return lambda minute: luck.uniform(0.3, 0.8) * LIMIT if luck.random() < 0.005 else usual(minute), None


def slower_by_day(luck: random.Random, usual: Pause) -> tuple[Pause, int | None]:
    """Take up to three times as long while much comes, each day."""
    phase = luck.randrange(DAY)
    return lambda minute: usual(minute) * (1 + abs((minute - phase) % DAY - DAY / 2) / (DAY / 4)), None


def grows(luck: random.Random, usual: Pause) -> tuple[Pause, int | None]:
    """Take ever longer from a moment on, because each message costs more than the one before."""
    fault, long = (DAYS - 1) * DAY + luck.randrange(60, DAY - 700), luck.uniform(120, 600)
    return lambda minute: usual(minute) + max(minute - fault, 0) / long * LIMIT, fault


def stuck(luck: random.Random, usual: Pause) -> tuple[Pause, int | None]:
    """Never poll again: a thread waits for ever."""
    fault = (DAYS - 1) * DAY + luck.randrange(60, DAY - 60)
    return lambda minute: usual(minute) if minute < fault else STEP * MINUTES, fault


def _consumer(luck: random.Random, shape: Callable[[random.Random, Pause], tuple[Pause, int | None]]) -> Consumer:
    middle = luck.uniform(2.0, 40.0)
    pause, fault = shape(luck, lambda _: middle * luck.lognormvariate(0.0, 0.15))
    polled = upcoming = 0.0
    most: list[float] = []
    shown: list[float | None] = []
    for minute in range(MINUTES):
        ended, now = 0.0, (minute + 1) * STEP
        while upcoming <= now:
            ended = max(ended, upcoming - polled)
            polled, upcoming = upcoming, upcoming + pause(upcoming / STEP)
        most.append(max(ended, now - polled))
        shown.append(now - polled)
    start = fault - BEFORE if shape is stuck and fault else Course.start
    return Consumer(shape.__name__, most, [], [], LIMIT, fault, start, shown)
