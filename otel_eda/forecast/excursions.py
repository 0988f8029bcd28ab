"""How far a series rose before, and how steeply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FALLEN = 0.5  # share of a rise that must be lost for it to be over
FOOT = 0.1  # share of a rise up to which it may have waited to begin


@dataclass(frozen=True)
class Rise:
    """From a low value to the highest one after it, and the number of steps that most of the way took."""

    low: float
    high: float
    steps: int

    @property
    def slope(self) -> float:
        """How far it rose in each step."""
        return (self.high - self.low) / max(self.steps, 1)


def rises(points: Sequence[tuple[int, float]], least: float) -> Iterator[Rise]:
    """Yield the rises of at least that height, in order; the last one may go on."""
    low, high = 0, 0  # where in the points
    for at, (_, value) in enumerate(points):
        height = points[high][1] - points[low][1]
        if value > points[high][1]:
            high = at
        elif height >= least and points[high][1] - value >= FALLEN * height:
            yield _rise(points, low, high)
            low = high = at
        elif height < least and value <= points[low][1]:
            low = high = at
    if points and points[high][1] - points[low][1] >= least:
        yield _rise(points, low, high)


def _rise(points: Sequence[tuple[int, float]], low: int, high: int) -> Rise:
    bottom, top = points[low][1], points[high][1]
    foot = next(at for at in range(high, low - 1, -1) if points[at][1] <= bottom + FOOT * (top - bottom))
    return Rise(bottom, top, points[high][0] - points[foot][0])
