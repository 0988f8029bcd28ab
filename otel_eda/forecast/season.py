"""How a series moved at the same time of earlier days."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from .robust import NORMAL

if TYPE_CHECKING:
    from .series import TimeSeries

DAYS = 7  # that are looked back
FEWEST = 2
BETTER = 0.5  # times the error of "nothing changes" that the error of "as on other days" may be
FAR = (8, 32, 128)  # steps ahead that are tried
ORIGINS = 24  # of the last day, from which it is tried


@dataclass(frozen=True)
class Season:
    """The ways of the days before, and how far today's were off."""

    series: TimeSeries
    days: int
    errors: tuple[tuple[int, float], ...]

    def way(self, steps: int, place: int | None = None) -> float | None:
        """Return how far it went in so many steps, from the same time on, on the median day."""
        per_day, start = self.series.per_day, len(self.series.values) - 1 if place is None else place
        ways = [
            later - earlier
            for day in range(1, self.days + 1)
            if start - day * per_day >= 0 and start - day * per_day + steps < len(self.series.values)
            for earlier, later in [(self._at(start - day * per_day), self._at(start - day * per_day + steps))]
            if earlier is not None and later is not None
        ]
        return median(ways) if len(ways) >= min(FEWEST, self.days) else None

    def spread(self, steps: float) -> float:
        """Return the standard deviation so many steps ahead."""
        far, error = self.errors[-1]
        known = next((error for far, error in self.errors if far >= steps), None)
        return float(error * (steps / far) ** 0.5) if known is None else known

    def _at(self, place: int) -> float | None:
        return self.series.values[place] if 0 <= place < len(self.series.values) else None


def season(series: TimeSeries) -> Season | None:
    """Return the season, if there are days enough and they tell more than the last value does."""
    days = min(DAYS, (len(series.values) - 1) // max(series.per_day, 1) - 1)
    if days < FEWEST or series.per_day < 2 * FAR[-1]:
        return None
    tried = Season(series, days, ())
    errors = [(far, *_errors(tried, far)) for far in FAR]
    by_season, by_nothing = sum(error for _, error, _ in errors), sum(still for _, _, still in errors)
    if not 0 < by_season < BETTER * by_nothing:
        return None
    return Season(series, days, tuple((far, error) for far, error, _ in errors))


def _errors(tried: Season, far: int) -> tuple[float, float]:
    """Return the usual error, so many steps ahead, of the season and of "nothing changes", in the last day."""
    last = len(tried.series.values) - 1 - far
    missed, moved = [], []
    for origin in range(last, max(last - tried.series.per_day, 0), -max(tried.series.per_day // ORIGINS, 1)):
        was, became, way = tried._at(origin), tried._at(origin + far), tried.way(far, origin)
        if was is not None and became is not None and way is not None:
            missed.append(abs(became - was - way))
            moved.append(abs(became - was))
    # The mean, since a season that is right by night and wrong by day is wrong.
    number = max(len(missed), 1)
    return NORMAL * sum(missed) / number, NORMAL * sum(moved) / number
