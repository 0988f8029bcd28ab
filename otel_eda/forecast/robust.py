"""Statistics that a few wild values do not move."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NORMAL = 1.4826  # times the median of absolute deviations is the standard deviation, where values are normal
BLOCKS = 16  # points that a slope is estimated from; more of them are put together first


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value below which a share of the values lies, between two of them by proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(values: Sequence[float], center: float | None = None) -> float:
    """Return a robust standard deviation, around the median or a given center."""
    middle = median(values) if center is None else center
    return NORMAL * median(abs(value - middle) for value in values)


def slope(points: Sequence[tuple[int, float]]) -> float:
    """Return the median of the slopes between all pairs of points (Theil and Sen)."""
    few = _blocks(points)
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for place, earlier in enumerate(few)
        for later in few[place + 1 :]
    ]
    return median(slopes)


def _blocks(points: Sequence[tuple[int, float]]) -> Sequence[tuple[float, float]]:
    """Return the means of places and the medians of values of neighbouring points, if there are many."""
    size = -(-len(points) // BLOCKS)
    if size == 1:
        return points
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [
        (sum(place for place, _ in part) / len(part), median(value for _, value in part))
        for part in parts
        if len(part) == size
    ]
