"""Goes through the last day of a course and compares what is foretold with what came."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from otel_eda.forecast import TimeSeries

from .shapes import BEGIN, STEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .shapes import Course

    # Earliest and latest minute, counted from now, in which the bound is reached; None for no alarm.
    Foretell = Callable[[TimeSeries, float], tuple[float, float] | None]

QUIETED = 60  # minutes without an alarm, after which the next one is a new one
LATE = 0.5  # share of the time to an interval's end by which an event may be later and still be the one foretold
SLACK = 1.0  # a minute, which is what the readings tell apart


@dataclass(frozen=True)
class Alarm:
    """One alarm: when it was given, for when, and when the bound was reached."""

    name: str
    given: int
    earliest: float
    latest: float
    reached: int | None

    @property
    def came_true(self) -> bool:
        """Whether the bound was reached, at the latest half as long again after the interval as that was ahead."""
        return self.reached is not None and self.reached <= self.until + SLACK

    @property
    def until(self) -> float:
        """When the alarm counts as false."""
        return self.latest + (self.latest - self.given) * LATE

    @property
    def held(self) -> bool:
        """Whether the bound was reached in the interval."""
        return self.reached is not None and self.earliest - SLACK <= self.reached <= self.latest + SLACK


@dataclass
class Score:
    """What was foretold of some courses."""

    alarms: list[Alarm] = field(default_factory=list)
    leads: list[float] = field(default_factory=list)  # shares of the time from the fault to the event
    events: int = 0
    foretold: int = 0
    quiet_days: int = 0
    false_on_quiet_days: int = 0
    held: int = 0
    intervals: int = 0
    minutes: list[float] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Add what was foretold of other courses."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))

    @property
    def came_true(self) -> float:
        """The share of alarms that came true."""
        return sum(alarm.came_true for alarm in self.alarms) / max(len(self.alarms), 1)

    @property
    def recall(self) -> float:
        """The share of events that were foretold."""
        return self.foretold / max(self.events, 1)

    @property
    def coverage(self) -> float:
        """The share of intervals in which the event was."""
        return self.held / max(self.intervals, 1)

    @property
    def false_a_day(self) -> float:
        """False alarms on a quiet day of one destination."""
        return self.false_on_quiet_days / max(self.quiet_days, 1)


def scored(courses: Iterable[Course], foretell: Foretell, every: int = 5) -> Score:
    """Return how a way to foretell did, asked every so many minutes of each course's last day."""
    score = Score()
    for course in courses:
        _add(score, course, foretell, every)
    return score


def _add(score: Score, course: Course, foretell: Foretell, every: int) -> None:
    start = course.start
    reached = next((minute for minute in range(start, len(course.lag)) if course.lag[minute] >= course.bound), None)
    given = list(_alarms(course, foretell, every, reached))
    # Of what would come after the last day nobody knows.
    score.alarms += [alarm for alarm in _first(given) if reached is not None or alarm.until < len(course.lag)]
    score.intervals += len(given) if reached is not None else 0
    score.held += sum(alarm.held for alarm in given) if reached is not None else 0
    if reached is None:
        if course.fault is None:
            score.quiet_days += 1
            score.false_on_quiet_days += len(_first(given))
        return
    score.events += 1
    before = [alarm for alarm in given if alarm.came_true]
    if before:
        first = before[0].given
        score.foretold += 1
        score.minutes.append(reached - first)
        score.leads.append((reached - first) / max(reached - (course.fault or start), 1))


def _alarms(course: Course, foretell: Foretell, every: int, reached: int | None) -> Iterator[Alarm]:
    seen = course.seen()
    for now in range(course.start, reached if reached is not None else len(seen), every):
        if seen[now] is None:
            continue
        found = foretell(TimeSeries(BEGIN, STEP, seen[: now + 1]), course.bound)
        if found:
            yield Alarm(course.name, now, now + found[0], now + found[1], reached)


def _first(given: list[Alarm]) -> list[Alarm]:
    """Return the alarms that nobody had been given yet."""
    return [alarm for place, alarm in enumerate(given) if not place or alarm.given - given[place - 1].given > QUIETED]
