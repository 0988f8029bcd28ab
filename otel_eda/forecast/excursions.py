"""How far a series rose before, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FALLEN = 0.5  # share of a rise that must be lost for it to be over


@dataclass(frozen=True)
class Rise:
    """From a low place to the highest one after it."""

    begin: int
    end: int
    low: float
    high: float

    @property
    def height(self) -> float:
        """How far it rose."""
        return self.high - self.low


def rises(points: Sequence[tuple[int, float]], least: float) -> Iterator[Rise]:
    """Yield the rises of at least that height, in order; the last one may go on."""
    if not points:
        return
    low, high = points[0], points[0]
    for point in points[1:]:
        if point[1] > high[1]:
            high = point
        fell = high[1] - point[1]
        if high[1] - low[1] >= least:
            if fell >= FALLEN * (high[1] - low[1]):
                yield Rise(low[0], high[0], low[1], high[1])
                low = high = point
        elif point[1] <= low[1]:
            low = high = point
    if high[1] - low[1] >= least:
        yield Rise(low[0], high[0], low[1], high[1])
