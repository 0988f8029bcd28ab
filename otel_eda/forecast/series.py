"""Values at even times."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY = 86_400.0


@dataclass(frozen=True)
class TimeSeries:
    """Values, one each `step` seconds from `begin` on, in seconds since 1970; None where nothing is known."""

    begin: float
    step: float
    values: Sequence[float | None]

    @classmethod
    def sampled(cls, readings: Iterable[tuple[float, float]], step: float | None = None) -> TimeSeries:
        """Return the series of readings, each a time in seconds and a value: the last of each step.

        Without `step` it is the median time from one reading to the next.
        """
        known = dict(sorted(readings))
        times = list(known)
        if len(times) < 2:
            return cls(times[0] if times else 0.0, step or 1.0, list(known.values()))
        pace = step or median(later - earlier for earlier, later in pairwise(times))
        values: list[float | None] = [None] * (round((times[-1] - times[0]) / pace) + 1)
        for time, value in known.items():
            values[round((time - times[0]) / pace)] = value
        return cls(times[0], pace, values)

    def time(self, place: float) -> float:
        """Return the time of the value at a place, which may lie behind the end."""
        return self.begin + place * self.step

    @property
    def end(self) -> float:
        """The time of the last value."""
        return self.time(len(self.values) - 1)

    @property
    def per_day(self) -> int:
        """The number of values in a day."""
        return round(DAY / self.step)

    def mirrored(self) -> TimeSeries:
        """Return the series upside down: what falls in it rises."""
        return TimeSeries(self.begin, self.step, [None if value is None else -value for value in self.values])

    def known(self, since: int = 0) -> list[tuple[int, float]]:
        """Return the values that are known from a place on, each with its place."""
        return [(place, value) for place, value in enumerate(self.values[since:], since) if value is not None]

    def gaps(self, since: int = 0) -> int:
        """Return how many values are not known from a place on."""
        return sum(value is None for value in self.values[since:])
