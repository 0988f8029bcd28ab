"""What is not as it was: rates, durations and shares of errors that left their own past."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from otel_eda.diagnosis.settings import SECOND
from otel_eda.forecast import Kind, TimeSeries, left_past

from .known import is_sure, trimmed
from .rows import PredictionRow
from .times import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.forecast import LevelShift

    from .known import Known
    from .measures import Measured

HOUR, DAY = 3600.0, 86_400.0
WEEK_AND_DAY = 8 * DAY  # in which a weekend was, whenever it began


@dataclass(frozen=True)
class ShiftRow(PredictionRow):
    """One row of `shifts`: a series that is not as it was, since when, and by how much; nanoseconds since 1970."""

    since: str
    earlier: float
    now: float
    rose: bool
    sure: bool


def shifts(one: Measured, known: Known) -> Iterator[ShiftRow]:
    """Yield what left its past: the rate of what is sent or, where nobody tells of that, processed, and of the work."""
    kind, rates = one.place.kind, [value for _, value in one.values.known()]
    if kind == "sent" or (kind == "processed" and one.place.destination not in known.sent):
        yield from _shift(one, "rate", one.values, Kind.FACTOR, (median(rates) / one.values.step) ** 0.5)
    if kind == "processed":
        yield from _shift(one, "duration", _ratio(one.busy, one.values), Kind.FACTOR, 0.0)
        # As far as chance moves a share of 5 % of so many messages.
        chance = (0.05 * 0.95 / max(median(rates) * one.values.step, 1.0)) ** 0.5
        yield from _shift(one, "failed", _ratio(one.failed, one.values), Kind.SHARE, chance)


def _ratio(part: TimeSeries, whole: TimeSeries) -> TimeSeries:
    """Return one series by another, with a gap where nothing happened."""
    pairs = zip(part.values, whole.values, strict=True)
    return TimeSeries(
        whole.begin, whole.step, [above / below if above is not None and below else None for above, below in pairs]
    )


def _shift(one: Measured, kind: str, values: TimeSeries, of: Kind, noise: float) -> Iterator[ShiftRow]:
    known = trimmed(values)
    found = left_past(known, of, noise)
    if found is None or not (found.rose or kind == "rate"):
        return
    yield ShiftRow(
        kind,
        *one.where,
        first_time=round(found.since * SECOND),
        last_time=round(known.end * SECOND),
        since=clock(found.since, known.end),
        earlier=found.before,
        now=found.now,
        rose=found.rose,
        sure=is_sure(known, found.since) and _is_past_enough(kind, found),
    )


def _is_past_enough(kind: str, found: LevelShift) -> bool:
    """Return whether the known past had nights in it and, where less comes, weekends: traffic rests in these."""
    if kind != "rate":
        return found.past >= HOUR
    return found.daily if found.rose else found.past >= WEEK_AND_DAY
