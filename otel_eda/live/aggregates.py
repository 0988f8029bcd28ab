"""Adds up the metrics of destinations and consumer groups."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from otel_eda import semconv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Attributes: TypeAlias = "Mapping[str, str]"
MOST_SERIES = 20_000  # each takes about one kilobyte
LARGEST_VALUE = 2.0**63  # so neither infinite nor "not a number"
RATE_SECONDS = 60.0  # that a rate looks back
SILENT_INTERVALS = 3.5  # after which a silent process is believed to be gone, but not before SILENT_SECONDS
SILENT_SECONDS = 15.0
FIRST_SECONDS = 75.0  # instead, while only one reading is known: the SDK's default interval is 60 s
LATE_INTERVALS = 1.25  # after which a process may be gone
GONE_SECONDS = 900.0  # of silence, after which a process will not come again


@dataclass(frozen=True)
class Point:
    """One reading of one series: a number, for a histogram also its sum; time in seconds."""

    name: str
    service: str
    instance: str
    attributes: Attributes
    value: float
    time: float
    sum: float = 0.0
    delta: bool = False


@dataclass
class Series:
    """The readings of one metric with one set of attributes, from one process."""

    first: Point
    value: float = 0.0
    sum: float = 0.0
    began: float = 0.0
    arrived: float = 0.0
    interval: float = 0.0
    past: deque[tuple[float, float, float]] = field(default_factory=deque)

    def take(self, point: Point, now: float) -> None:
        """Add a reading."""
        before = (self.value, self.sum) if point.delta else (0.0, 0.0)
        self.value, self.sum = before[0] + point.value, before[1] + point.sum
        if self.past and point.time > self.past[-1][0]:
            self.interval = point.time - self.past[-1][0]
        self.arrived = now
        self.past.append((point.time, self.value, self.sum))
        while len(self.past) > 2 and self.past[0][0] < point.time - RATE_SECONDS:
            self.past.popleft()

    def silent(self, now: float) -> bool:
        """Return whether a reading is overdue."""
        patience = max(SILENT_INTERVALS * self.interval, SILENT_SECONDS) if self.interval else FIRST_SECONDS
        return now - self.arrived > patience

    def late(self, now: float) -> bool:
        """Return whether a process is late, whose interval is known."""
        return 0 < LATE_INTERVALS * self.interval < now - self.arrived

    def rates(self, now: float) -> tuple[float, float]:
        """Return by how much number and sum rise in a second."""
        (begin, low, start), (end, high, stop) = self.past[0], self.past[-1]
        if end <= begin or high < low or self.silent(now):
            return 0.0, 0.0
        return (high - low) / (end - begin), (stop - start) / (end - begin)


@dataclass(frozen=True)
class DestinationRow:
    """The messages of one destination, in total and per second; `took` is the mean time of processing, in seconds."""

    name: str
    sent: int
    sending: float
    unsent: int
    processed: int
    processing: float
    failed: int
    took: float | None


@dataclass(frozen=True)
class GroupRow:
    """One consumer group at one destination; times in seconds, None if no process reports the value."""

    name: str
    destination: str
    lag: int | None
    behind: float | None
    in_flight: int | None
    oldest: float | None
    polled: float | None
    integrity: tuple[int, ...]


# What the ledger counts: the column's heading, the metric that is added, the metric that is subtracted.
INTEGRITY = {
    "redelivered": (semconv.REDELIVERED_MESSAGES, None),
    "reprocessed": (semconv.REPROCESSED_MESSAGES, None),
    "skipped": (semconv.SKIPPED_MESSAGES, semconv.RECOVERED_MESSAGES),
    "disordered": (semconv.OUT_OF_ORDER_MESSAGES, None),
}
GAUGES = {semconv.LAG, semconv.LAG_TIME, semconv.IN_FLIGHT, semconv.IN_FLIGHT_AGE, semconv.POLL_AGE}
SHOWN = {
    semconv.SENT, semconv.PROCESS_DURATION, semconv.CONSUMED, semconv.UNHANDLED, semconv.FAILURES,
    *GAUGES, *(name for pair in INTEGRITY.values() for name in pair if name),
}  # fmt: skip


class Aggregates:
    """The series of all processes, at most so many of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_SERIES) -> None:
        self.clock, self.most = clock, most
        self.series: dict[tuple[object, ...], Series] = {}
        self.dropped = self.invalid = 0
        self.swept = -math.inf
        self.lock = Lock()

    def take(self, points: Iterable[Point]) -> None:
        """Add the readings of the metrics that are shown."""
        with self.lock:
            for point in points:
                if point.name in SHOWN:
                    self._take(point)

    def _take(self, point: Point) -> None:
        if not abs(point.value) <= LARGEST_VALUE:
            self.invalid += 1
            return
        now, key = self.clock(), _key(point)
        if key not in self.series:
            if len(self.series) >= self.most and now > self.swept + SILENT_SECONDS:
                self._forget(now)
            if len(self.series) >= self.most:
                self.dropped += 1
                return
            self.series[key] = Series(point, began=now)
        self.series[key].take(point, now)

    def _forget(self, now: float) -> None:
        """Forget the processes that are gone, but not what they counted."""
        self.swept = now
        gone = [one for one in self.series.values() if now - one.arrived > GONE_SECONDS and one.first.instance]
        for one in gone:
            del self.series[_key(one.first)]
            if one.first.name not in GAUGES:
                counted = replace(one.first, instance="", value=one.value, sum=one.sum, delta=True)
                self.series.setdefault(_key(counted), Series(counted)).take(counted, now)

    def notes(self) -> list[str]:
        """Return what is not shown, and why."""
        told = (
            (self.dropped, "readings dropped: there are more series than are kept"),
            (self.invalid, "readings dropped: they are not numbers"),
        )
        return [f"{number:,} {text}" for number, text in told if number]

    def services(self) -> int:
        """Return the number of services with readings."""
        with self.lock:
            return len({series.first.service for series in self.series.values()})

    def total(self, *names: str) -> int:
        """Return the sum of some metrics over all series."""
        with self.lock:
            return round(sum(series.value for series in self.series.values() if series.first.name in names))

    def destinations(self, most: int = MOST_SERIES) -> tuple[list[DestinationRow], int]:
        """Return the first destinations, by name, and the number of further ones."""
        places: dict[str, list[Series]] = defaultdict(list)
        for one in self._named({semconv.SENT, semconv.PROCESS_DURATION, semconv.CONSUMED}):
            places[_place(one)[0]].append(one)
        names = sorted(filter(None, places))
        return [self._destination(name, places[name]) for name in names[:most]], len(names[most:])

    def groups(self, most: int = MOST_SERIES) -> tuple[list[GroupRow], int]:
        """Return the first groups at destinations, by name, and the number of further ones."""
        places: dict[tuple[str, str], list[Series]] = defaultdict(list)
        for one in self._named(SHOWN - {semconv.SENT}):
            places[_place(one)].append(one)
        names = sorted(filter(all, places), key=lambda at: (at[1], at[0]))
        rows = [self._group(*at, [*places[at], *places.get(("", at[1]), ())]) for at in names[:most]]
        return rows, len(names[most:])

    def _named(self, names: set[str]) -> list[Series]:
        with self.lock:
            return [series for series in self.series.values() if series.first.name in names]

    def _destination(self, name: str, series: list[Series]) -> DestinationRow:
        now = self.clock()
        sent = [one for one in series if one.first.name == semconv.SENT]
        processed = [one for one in series if one.first.name == semconv.PROCESS_DURATION]
        consumed = processed or [one for one in series if one.first.name == semconv.CONSUMED]
        rates = [one.rates(now) for one in processed]
        rate, busy = sum(number for number, _ in rates), sum(seconds for _, seconds in rates)
        return DestinationRow(
            name=name,
            sent=_sum(sent),
            sending=sum(one.rates(now)[0] for one in sent),
            unsent=_sum(one for one in sent if semconv.ERROR_TYPE in one.first.attributes),
            processed=_sum(consumed),
            processing=sum(one.rates(now)[0] for one in consumed),
            failed=_sum(one for one in processed if semconv.ERROR_TYPE in one.first.attributes),
            took=busy / rate if rate else _mean(processed),
        )

    def _group(self, destination: str, group: str, series: list[Series]) -> GroupRow:
        now = self.clock()

        def values(name: str) -> list[float]:
            return _standing([one for one in series if one.first.name == name], now)

        def counted(name: str | None) -> int:
            return _sum(one for one in series if one.first.name == name)

        return GroupRow(
            name=group,
            destination=destination,
            lag=_total(values(semconv.LAG)),
            behind=max(values(semconv.LAG_TIME), default=None),
            in_flight=_total(values(semconv.IN_FLIGHT)),
            oldest=max(values(semconv.IN_FLIGHT_AGE), default=None),
            polled=max(values(semconv.POLL_AGE), default=None),
            integrity=tuple(counted(plus) - counted(minus) for plus, minus in INTEGRITY.values()),
        )


def _key(point: Point) -> tuple[object, ...]:
    return point.name, point.service, point.instance, *sorted(point.attributes.items())


def _standing(levels: list[Series], now: float) -> list[float]:
    """Return the levels of the processes that are there; none while it is open whether a new one took over another."""
    newest: dict[object, float] = {}
    parts = [(one, (one.first.service, one.first.attributes.get(semconv.PARTITION))) for one in levels]
    for one, part in parts:
        newest[part] = max(one.began, newest.get(part, one.began))
    present = [(one, newest[part]) for one, part in parts if not one.silent(now)]
    # A late one has gone if another began since shortly before its last reading.
    here = [(one, began) for one, began in present if not (one.late(now) and began >= one.arrived - one.interval)]
    return [] if any(one.interval and began > one.arrived for one, began in here) else [one.value for one, _ in here]


def _place(series: Series) -> tuple[str, str]:
    attributes = series.first.attributes
    destination = attributes.get(semconv.TEMPLATE) or attributes.get(semconv.DESTINATION, "")
    return destination, attributes.get(semconv.GROUP, "")


def _sum(series: Iterable[Series]) -> int:
    return round(sum(one.value for one in series))


def _total(values: list[float]) -> int | None:
    return round(sum(values)) if values else None


def _mean(series: list[Series]) -> float | None:
    number = sum(one.value for one in series)
    return sum(one.sum for one in series) / number if number else None
