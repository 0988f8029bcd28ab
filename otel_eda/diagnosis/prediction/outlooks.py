"""What a series comes to, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from otel_eda.diagnosis.settings import SECOND
from otel_eda.forecast import TimeSeries, reaching, work_off
from otel_eda.forecast.robust import quantile

from .known import is_sure, trimmed
from .times import between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.diagnosis.settings import Bounds

    from .known import Known
    from .measures import Measured

USUAL = 10.0  # times the usual is a bound, where nobody set one
LEAST = 1000.0  # messages that such a bound has
RECENT = 8  # steps in which messages must have waited all the time
BY_THE_CLOCK = 0.9  # seconds by which a pause grows in each second, at least, in which there was no poll
POLLS = 4  # steps, of whose readings the longest stands for all: each shows a pause at some moment of it


@dataclass(frozen=True)
class OutlookRow:
    """One row of `outlooks`: what a series comes to, and when; times in nanoseconds since 1970, rates a second."""

    kind: str
    system: str | None
    service: str | None
    instance: str | None
    destination: str | None
    consumer_group: str | None
    first_time: int
    last_time: int
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
        yield from _coming(one, _longest(values), limit)
        yield from _silent(one, values, limit)


def _coming(one: Measured, values: TimeSeries, bound: float, *, falling: bool = False) -> Iterator[OutlookRow]:
    """Yield when a series reaches a bound, unless it came so far before, most times, and went back."""
    found = reaching(values, bound, falling=falling)
    if found is None or found.is_usual:
        return
    yield OutlookRow(
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


def _silent(one: Measured, values: TimeSeries, limit: float) -> Iterator[OutlookRow]:
    """Yield when a consumer passes its limit that has stopped to poll: its pause grows by the clock."""
    for row in _coming(one, values, limit):
        if row.slope is not None and row.slope >= BY_THE_CLOCK:
            yield replace(row, kind="silent")


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


def _longest(values: TimeSeries) -> TimeSeries:
    """Return the longest pauses of a consumer, one for some readings each."""
    ends = range(len(values.values), 0, -POLLS)
    parts = [values.values[max(end - POLLS, 0) : end] for end in reversed(ends)]
    longest = [max((value for value in part if value is not None), default=None) for part in parts]
    step = POLLS * values.step
    return TimeSeries(values.end - (len(longest) - 1) * step, step, longest)
