"""Ages: how long something has not happened, as it is read now and then. They grow by the clock until it happens."""

from __future__ import annotations

import math
from statistics import median

from .outlook import FARTHEST, Reach
from .series import TimeSeries

BY_THE_CLOCK = 0.9  # seconds that an age grows in each second, at least, in which it did not happen
FEWEST = 3  # readings of one age
LONGER = 2.0  # times as long as ever before
READINGS = 4  # of which the oldest age stands for all: each is read at some moment of its life
LIVES = 3.0  # that such readings have to last
LATEST = 100  # readings, which tell how long a life is: half of them are of its first half


def running_out(ages: TimeSeries, limit: float) -> Reach | None:
    """Return when an age reaches its limit that is longer than all before; None if it is not, or not near the limit.

    It is near when a trend as old as the age would be believed to reach it.
    """
    points = ages.known()
    start = _birth(points, ages.step)
    level = points[-1][1] if points else 0.0
    before = max((age for _, age in points[:start]), default=0.0)
    if len(points) - start < FEWEST or not max(LONGER * before, limit / (1 + FARTHEST)) < level < limit:
        return None
    since, reached = ages.time(points[start][0]), ages.time(points[-1][0]) + limit - level
    return Reach(reached, reached, reached, level, 1.0, since, alike=0, reached=0)


def oldest(ages: TimeSeries) -> TimeSeries:
    """Return the oldest ages, one for the readings of some lives each."""
    life = 2 * median([age for _, age in ages.known()[-LATEST:]] or [0.0])
    number = max(READINGS, math.ceil(LIVES * life / ages.step))
    ends = range(len(ages.values), 0, -number)
    parts = [ages.values[max(end - number, 0) : end] for end in reversed(ends)]
    unread = min(life, ages.step) / (LIVES + 1)  # from the last reading of so many lives to the end of one, at least
    values = [max((age + unread for age in part if age is not None), default=None) for part in parts]
    step = number * ages.step
    return TimeSeries(ages.end - (len(values) - 1) * step, step, values)


def _birth(points: list[tuple[int, float]], step: float) -> int:
    """Return the place of the first reading of the age that is read last."""
    start = max(len(points) - 1, 0)
    while start and points[start][1] - points[start - 1][1] >= BY_THE_CLOCK * step * (
        points[start][0] - points[start - 1][0]
    ):
        start -= 1
    return start
