"""How often a series stays in the band that was foretold for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.forecast import TimeSeries, outlook

from .shapes import BEGIN, DAY, DAYS, STEP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .shapes import Course

AHEAD = (5, 15, 30)  # minutes


def coverage(courses: Iterable[Course], every: int = 60) -> float:
    """Return the share of later values that lie in the band, over those courses and times that have a band."""
    held = asked = 0
    for course in courses:
        seen = course.seen()
        for now in range((DAYS - 1) * DAY, len(seen) - AHEAD[-1], every):
            band = outlook(TimeSeries(BEGIN, STEP, seen[: now + 1]), AHEAD[-1] * STEP)
            for ahead in AHEAD:
                if band is None or len(band.low) < ahead or (later := seen[now + ahead]) is None:
                    continue
                asked += 1
                held += band.low[ahead - 1] - 1 <= later <= band.high[ahead - 1] + 1
    return held / max(asked, 1)
