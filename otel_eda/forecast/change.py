"""Since when a series is not as it was."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from .robust import quantile, spread
from .series import DAY

if TYPE_CHECKING:
    from .series import TimeSeries

SHORTEST = 8  # values that a change must last
PAST = 3  # times as long as a change the time before it must be known
LONGEST = 240  # values back in which a change is sought
OFF = 2.5  # standard deviations by which values must be off in the median
APART = 1.0  # and by which most of them must be
WILD = 6.0  # one value does not count for more of them
MOSTLY = 0.85  # share of the values since a change
WEEK = 7
DAYS, FEWEST_DAYS = 7, 2  # that tell what is usual at a time of day
AROUND = 1800.0  # seconds before and after it
LEAST = 0.05  # share of what is usual by which values may always differ


class Kind(Enum):
    """What a value is, so by how much it must differ to matter."""

    FACTOR = "a rate or a duration: half of what it was, or half as much again"
    SHARE = "a share from 0 to 1: by five hundredths"

    def matters(self, before: float, now: float) -> bool:
        """Return whether anybody would care for such a difference."""
        if self is Kind.SHARE:
            return abs(now - before) >= LEAST
        return now >= 1.5 * before or now <= 0.5 * before


@dataclass(frozen=True)
class LevelShift:
    """Since when, in seconds since 1970; what was usual before and what is now; how long that had been known."""

    since: float
    before: float
    now: float
    off: float
    past: float
    daily: bool

    @property
    def rose(self) -> bool:
        """Whether it is more than before."""
        return self.now > self.before


class _Seen(NamedTuple):
    """A value at its place, what is usual there, and by how many standard deviations it is off."""

    place: int
    value: float
    usual: float
    off: float


def left_past(series: TimeSeries, kind: Kind = Kind.FACTOR, noise: float = 0.0) -> LevelShift | None:
    """Return since when a series is not as it was; None if it is, or if too little of its past is known.

    `noise` is the standard deviation that values have of themselves, as counts do.
    """
    points = series.known()
    if len(points) < (1 + PAST) * SHORTEST or points[-1][0] != len(series.values) - 1:
        return None
    split = len(points) - max(SHORTEST, min(LONGEST, len(points) // (1 + PAST)))
    usual = _usual(series, points, split)
    beside = [value - usual[place] for place, value in points[:split]]
    wide = max(
        spread(beside, 0.0),
        (quantile(beside, 0.95) - quantile(beside, 0.05)) / (2 * 1.645),
        noise,
        LEAST * abs(median(usual.values())),
        1e-9,
    )
    seen = [_Seen(place, value, usual[place], (value - usual[place]) / wide) for place, value in points]
    start = _start([one.off for one in seen[split:]])
    return None if start is None else _judged(series, seen[: split + start], seen[split + start :], kind)


def _usual(series: TimeSeries, points: list[tuple[int, float]], split: int) -> dict[int, float]:
    """Return what is usual at each place: of that time of other days if there are some, else of all until a place."""
    days = min(DAYS, int(len(series.values) * series.step / DAY))
    if days <= FEWEST_DAYS:
        middle = median(value for _, value in points[:split])
        return dict.fromkeys((place for place, _ in points), middle)
    # By time, because a day need not be a whole number of steps.
    width = max(2 * AROUND, series.step)
    parts: dict[int, list[float]] = {}
    for place, value in points:
        parts.setdefault(int(place * series.step / width), []).append(value)
    middles = {part: median(values) for part, values in parts.items()}
    of_part = {part: _usual_at(middles, part, days, DAY / width) for part in middles}
    return {place: of_part[int(place * series.step / width)] for place, _ in points}


def _usual_at(middles: dict[int, float], part: int, days: int, a_day: float) -> float:
    """Return what is usual in a part of a day: as on the days before, or after if those are few; or a week ago."""
    before = [middles[other] for day in range(1, days + 1) if (other := round(part - day * a_day)) in middles]
    after = [middles[other] for day in range(1, days + 1) if (other := round(part + day * a_day)) in middles]
    known = before if len(before) >= FEWEST_DAYS else before + after
    if not known:
        return middles[part]
    choices = median(known), middles.get(round(part - WEEK * a_day), median(known))
    return min(choices, key=lambda value: abs(value - middles[part]))


def _start(offs: list[float]) -> int | None:
    """Return where the sum of what is beyond the usual, up to the end, is greatest (CUSUM, backwards)."""
    sign = 1.0 if median(offs[-SHORTEST:]) > 0 else -1.0
    total, best, start = 0.0, 0.0, None
    for place in range(len(offs) - 1, -1, -1):
        total += max(min(sign * offs[place], WILD), -WILD) - OFF / 2
        if total > best:
            best, start = total, place
    return start if start is not None and len(offs) - start >= SHORTEST else None


def _judged(series: TimeSeries, before: list[_Seen], after: list[_Seen], kind: Kind) -> LevelShift | None:
    now, usual = median(one.value for one in after), median(one.usual for one in after)
    sign = 1.0 if now > usual else -1.0
    offs, past = [sign * one.off for one in after], [sign * one.off for one in before]
    if median(offs) < OFF or sum(off >= APART for off in offs) < MOSTLY * len(offs) or not kind.matters(usual, now):
        return None
    size = max(len(after) // 2, SHORTEST)
    stretches = [median(past[place : place + size]) for place in range(0, len(past) - size + 1, max(size // 2, 1))]
    if len(past) < PAST * SHORTEST or max(stretches) > median(offs) / 2:
        return None  # it was like that before
    since = series.time(after[0].place)
    known = since - series.time(before[0].place)
    return LevelShift(since, usual, now, median(offs), known, len(series.values) * series.step > FEWEST_DAYS * DAY)
