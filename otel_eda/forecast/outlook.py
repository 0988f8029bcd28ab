"""How a series goes on: as a band, and when it reaches a bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from .excursions import rises
from .season import season
from .trend import trend

if TYPE_CHECKING:
    from .season import Season
    from .series import TimeSeries
    from .trend import Trend

COVERAGE = 0.9
FARTHEST = 1.5  # times as long as a trend has lasted it is believed to go on
ALIKE = 4.0  # times as steep or flat an earlier rise may have been to be compared with


@dataclass(frozen=True)
class Outlook:
    """The coming values, one each `step` seconds from `begin` on: the likely ones, and a band that holds most."""

    begin: float
    step: float
    low: tuple[float, ...]
    likely: tuple[float, ...]
    high: tuple[float, ...]
    since: float
    seasonal: bool


@dataclass(frozen=True)
class Reach:
    """When a bound is reached, in seconds since 1970, and what that is concluded from.

    `slope` is per second, `since` is when the trend began. `alike` is how many earlier rises came as far as this one
    and `reached` how many of them went on to the bound.
    """

    earliest: float
    likely: float
    latest: float
    level: float
    slope: float
    since: float
    alike: int
    reached: int

    @property
    def is_usual(self) -> bool:
        """Whether most of the rises that came so far before ended below the bound."""
        return self.reached * 2 < self.alike


@dataclass(frozen=True)
class _Course:
    """The way ahead: what is likely so many steps ahead, and how far that may be off."""

    last: float
    trend: Trend
    season: Season | None
    extra: float  # what today adds in each step to the way of other days

    def likely(self, steps: int) -> float:
        way = self.season.way(steps) if self.season else None
        if way is None:
            return self.trend.level + self.trend.slope * steps
        return self.last + way + self.extra * min(steps, self.trend.number)

    def spread(self, steps: int) -> float:
        return self.season.spread(steps) if self.season else self.trend.spread(steps)


def _course(series: TimeSeries) -> _Course | None:
    found, last = trend(series), series.values[-1] if series.values else None
    if found is None or last is None:
        return None
    usual = season(series)
    way = usual.way(found.number - 1, len(series.values) - found.number) if usual else None
    extra = 0.0 if way is None else found.slope - way / (found.number - 1)
    return _Course(last, found, usual if way is not None else None, extra)


def outlook(series: TimeSeries, seconds: float, coverage: float = COVERAGE, least: float = 0.0) -> Outlook | None:
    """Return how a series goes on for some time, at most as long as can be told; None if nothing can.

    Values below `least` do not occur.
    """
    course = _course(series)
    if course is None:
        return None
    far = min(round(seconds / series.step), math.floor(FARTHEST * course.trend.number))
    sure = NormalDist().inv_cdf(0.5 + coverage / 2)
    steps = [(course.likely(number), sure * course.spread(number)) for number in range(1, far + 1)]
    return Outlook(
        begin=series.time(len(series.values)),
        step=series.step,
        low=tuple(max(likely - off, least) for likely, off in steps),
        likely=tuple(max(likely, least) for likely, _ in steps),
        high=tuple(max(likely + off, least) for likely, off in steps),
        since=series.time(len(series.values) - course.trend.number),
        seasonal=course.season is not None,
    )


def reaching(
    series: TimeSeries, bound: float, *, falling: bool = False, coverage: float = COVERAGE, farthest: float = FARTHEST
) -> Reach | None:
    """Return when a series reaches a bound from below, or from above if it is falling; None if that cannot be told.

    `farthest` is how many times as long as it has lasted a trend is believed to go on.
    """
    if falling:
        found = reaching(series.mirrored(), -bound, coverage=coverage, farthest=farthest)
        return found and Reach(**{**vars(found), "level": -found.level, "slope": -found.slope})
    last = series.values[-1] if series.values else None
    course = _course(series) if last is not None and last < bound else None
    if course is None or course.trend.level >= bound or (course.season is None and course.trend.slope <= 0):
        return None
    far = math.floor(farthest * course.trend.number)
    places = _places(course, bound, far, NormalDist().inv_cdf(0.5 + coverage / 2))
    if places is None:
        return None
    earliest, likely, latest = (series.time(len(series.values) - 1 + place) for place in places)
    alike, reached = alike_before(series, course.trend, bound)
    return Reach(
        earliest=earliest,
        likely=likely,
        latest=latest,
        level=course.trend.level,
        slope=course.trend.slope / series.step,
        since=series.time(len(series.values) - course.trend.number),
        alike=alike,
        reached=reached,
    )


def _places(course: _Course, bound: float, far: int, sure: float) -> tuple[int, int, int] | None:
    """Return in how many steps the band's upper edge may come to the bound, and its middle and lower edge have come."""
    found: list[int | None] = [None, None, None]
    for steps in range(1, far + 1):
        middle, off = course.likely(steps), sure * course.spread(steps)
        for edge, value in enumerate((middle + off, middle, middle - off)):
            if found[edge] is None and value >= bound:
                found[edge] = steps
    earliest, likely, latest = found
    # The upper edge comes there within a step, perhaps at its beginning.
    return None if earliest is None or likely is None or latest is None else (earliest - 1, likely, latest)


def alike_before(series: TimeSeries, now: Trend, bound: float) -> tuple[int, int]:
    """Return how many earlier rises, about as steep, came as far as the series is now; and to the bound."""
    before = series.known()[: -now.number]
    found = [
        rise
        for rise in rises(before, 3 * now.spread(1))
        if rise.low < now.level <= rise.high and now.slope / ALIKE <= rise.slope <= now.slope * ALIKE
    ]
    return len(found), sum(rise.high >= bound for rise in found)
