"""The trend that a series follows now: since when, how steep, and how far it may be off."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from .robust import slope, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .series import TimeSeries

SIZES = (10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
SAME = 3.0  # standard deviations by which two slopes may differ and still be one
BENT = 0.2  # or this share of the steeper one
FARTHEST = 1.5  # times its length over which a line may bend on
WILDER = 4.0  # times the variance of a part that the whole may have
STILL = 0.5  # steps' worth of the slope: what is less off the line is on it
TURNS = 0.1  # share by which a slope itself may change while it lasts
APART = 3  # a walk is measured over at most that part of the window


@dataclass(frozen=True)
class Trend:
    """A line through the latest values, per step: its end, its slope, how many values it is of, how they wander.

    `wander` is the variance of the way that the values go beside the line, by the number of steps. `bend` is by how
    much the slope of the later half differs from that of the earlier one, beyond what chance does.
    """

    level: float
    slope: float
    number: int
    wander: tuple[tuple[int, float], ...]
    bend: float = 0.0

    def spread(self, steps: float) -> float:
        """Return the standard deviation so many steps ahead: of the way beside the line, and of the line itself."""
        reach, walked = self.wander[-1]
        own = next((variance for far, variance in self.wander if far >= steps), walked * max(steps / reach, 1.0))
        bent = self.bend * steps * (0.5 + min(steps / self.number, FARTHEST))
        return math.sqrt(own + walked / reach / self.number * steps**2 + (TURNS * self.slope * steps) ** 2 + bent**2)

    def bent_from(self, earlier: Trend) -> float:
        """Return by how much the slope differs from an earlier one, beyond what chance does."""
        return max(abs(self.slope - earlier.slope) - math.hypot(self.doubt, earlier.doubt), 0.0)

    def same_as(self, other: Trend) -> bool:
        """Return whether another trend is one with this, as far as both are known."""
        doubt = math.hypot(self.doubt, other.doubt)
        steeper = max(abs(self.slope), abs(other.slope))
        return abs(self.slope - other.slope) <= max(SAME * doubt, BENT * steeper)

    def is_wilder_than(self, shorter: Trend) -> bool:
        """Return whether the way beside the line is much wilder than that of a later part: a bend, or a jump."""
        reach, walked = shorter.wander[-1]
        own = next((variance for far, variance in self.wander if far >= reach), self.wander[-1][1])
        return own > WILDER * max(walked, (STILL * self.slope) ** 2, 1e-9)

    @property
    def doubt(self) -> float:
        """The standard deviation of the slope."""
        reach, walked = self.wander[-1]
        return math.sqrt(walked / reach / self.number)


def trend(series: TimeSeries) -> Trend | None:
    """Return the trend of the longest latest part that is straight; None if too little of it is known."""
    points = series.known(max(0, len(series.values) - SIZES[-1]))
    if len(points) < SIZES[0] or points[-1][0] != len(series.values) - 1:
        return None
    found = fitted(points[-SIZES[0] :])
    for size in SIZES[1:]:
        if size > len(points):
            break
        half = size // 2
        later, earlier, whole = fitted(points[-half:]), fitted(points[-size:-half]), fitted(points[-size:])
        if not later.same_as(earlier) or whole.is_wilder_than(found):
            break
        found = replace(whole, bend=later.bent_from(earlier))
    return found


def fitted(points: Sequence[tuple[int, float]]) -> Trend:
    """Return the trend of some points."""
    steep, last = slope(points), points[-1][0]
    beside = [value - steep * (place - last) for place, value in points]
    level = 0.5 * (median(beside) + median(beside[-3:]))
    return Trend(level, steep, len(points), tuple(_wander(beside)))


def _wander(beside: Sequence[float]) -> list[tuple[int, float]]:
    """Return the variances of the ways of 1, 2, 4, … steps, none of them smaller than that of a shorter way."""
    found: list[tuple[int, float]] = []
    far, least = 1, 1e-12
    while far <= max(1, len(beside) // APART):
        ways = [beside[place + far] - beside[place] for place in range(len(beside) - far)]
        least = max(least, spread(ways, 0.0) ** 2, sum(way**2 for way in ways) / len(ways) / 2)
        found.append((far, least))
        far *= 2
    return found
