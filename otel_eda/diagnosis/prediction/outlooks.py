"""What a series comes to, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from otel_eda.diagnosis.settings import SECOND
from otel_eda.forecast import oldest, reaching, running_out, work_off
from otel_eda.forecast.robust import quantile

from .known import is_sure, trimmed
from .rows import PredictionRow
from .times import between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.diagnosis.settings import Bounds
    from otel_eda.forecast import Reach, TimeSeries

    from .known import Known
    from .measures import Measured

USUAL = 10.0  # times the usual is a bound, where nobody set one
LEAST = 1000.0  # messages that such a bound has
RECENT = 8  # steps in which messages must have waited all the time
POLLS = 10  # readings of earlier pauses, so that it is known what is usual


@dataclass(frozen=True)
class OutlookRow(PredictionRow):
    """One row of `outlooks`: what a series comes to, and when; times in nanoseconds since 1970, rates a second."""

    level: float
    sure: bool
    slope: float | None = None
    until: str | None = None
    earliest: int | None = None
    latest: int | None = None
    bound: float | None = None
    comes: float | None = None
    done: float | None = None
    members: int | None = None
    needed: int | None = None
    partitions: int | None = None


def outlooks(one: Measured, known: Known, settings: Bounds) -> Iterator[OutlookRow]:
    """Yield what is to be said of a series."""
    kind, values = one.place.kind, trimmed(one.values)
    if kind in {"lag", "depth"}:
        bound = settings.lag_bound if kind == "lag" else settings.depth_bound
        yield from _coming(one, values, _usual_bound(values) if bound is None else bound)
    if kind == "lag":
        yield from _backlog(one, values, known)
    # Where none of them waits, retention may delete all messages.
    if kind == "margin" and (waiting := known.beside(one, "lag")) and min(_latest(waiting), default=0.0) > 0:
        yield from _coming(one, values, 0.0, falling=True)
    if kind == "poll" and (limit := known.limits.get(one.place.consumer)):
        yield from _silent(one, values, limit) or _coming(one, oldest(values), limit)


def _coming(one: Measured, values: TimeSeries, bound: float, *, falling: bool = False) -> Iterator[OutlookRow]:
    """Yield when a series reaches a bound, unless it came so far before, most times, and went back."""
    found = reaching(values, bound, falling=falling)
    if found is None or found.is_usual:
        return
    yield _row(one, values, found, bound)


def _silent(one: Measured, values: TimeSeries, limit: float) -> list[OutlookRow]:
    """Return when a consumer passes its limit that has stopped to poll."""
    found = running_out(values, limit)
    if found is None:
        return []
    row = _row(one, values, found, limit)
    return [replace(row, kind="silent", sure=row.sure and found.since - values.begin >= POLLS * values.step)]


def _row(one: Measured, values: TimeSeries, found: Reach, bound: float) -> OutlookRow:
    return OutlookRow(
        one.place.kind,
        *one.where,
        first_time=round(found.since * SECOND),
        last_time=round(values.end * SECOND),
        level=found.level,
        sure=is_sure(values, found.since),
        slope=found.slope,
        until=between(found.earliest, found.latest, values.end),
        earliest=round(found.earliest * SECOND),
        latest=round(found.latest * SECOND),
        bound=bound,
    )


def _backlog(one: Measured, values: TimeSeries, known: Known) -> Iterator[OutlookRow]:
    """Yield how long a group works on what waits, or how many members it would need."""
    processed = known.beside(one, "processed")
    members, partitions = known.members.get(one.place.group, (0, 0))
    found = work_off(values, processed, members) if processed and members else None
    if found is None:
        return
    off = found.worked_off
    yield OutlookRow(
        "backlog",
        *one.where,
        first_time=round(found.since * SECOND),
        last_time=round(values.end * SECOND),
        level=found.waiting,
        sure=is_sure(values, found.since),
        until=between(off.earliest, off.latest, values.end) if off else None,
        earliest=round(off.earliest * SECOND) if off else None,
        latest=round(off.latest * SECOND) if off else None,
        comes=found.comes,
        done=found.done,
        members=members,
        needed=found.members,
        partitions=partitions,
    )


def _latest(series: TimeSeries) -> list[float]:
    return [value for _, value in series.known(max(len(series.values) - RECENT, 0))]


def _usual_bound(values: TimeSeries) -> float:
    """Return the bound where nobody set one: many times what it was at most times before the last third."""
    points = values.known()
    early = [value for _, value in points[: max(2 * len(points) // 3, 1)]]
    return max(USUAL * quantile(early, 0.95), LEAST)
