"""Adds up what metrics tell of destinations and consumer groups."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from otel_eda import semconv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Attributes: TypeAlias = "Mapping[str, str]"
MOST = 20_000  # series; each takes about one kilobyte
LARGEST = 2.0**63  # of a reading; not infinite, and not "not a number"
RATED = 60.0  # seconds that a rate looks back
SILENT = 3.5  # intervals after which who has not told is believed to be gone
SHORTEST = 15.0  # seconds before that


@dataclass(frozen=True)
class Point:
    """One reading of one series: a number, and of a histogram the sum; times in seconds."""

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
    """What one process tells of one thing."""

    first: Point
    value: float = 0.0
    sum: float = 0.0
    heard: float = 0.0
    interval: float = 0.0
    past: deque[tuple[float, float, float]] = field(default_factory=deque)

    def take(self, point: Point, now: float) -> None:
        """Know one more reading."""
        before = (self.value, self.sum) if point.delta else (0.0, 0.0)
        self.value, self.sum = before[0] + point.value, before[1] + point.sum
        if self.past and point.time > self.past[-1][0]:
            self.interval = point.time - self.past[-1][0]
        self.heard = now
        self.past.append((point.time, self.value, self.sum))
        while len(self.past) > 2 and self.past[0][0] < point.time - RATED:
            self.past.popleft()

    def silent(self, now: float) -> bool:
        """Tell whether it should have been heard of."""
        return now - self.heard > max(SILENT * self.interval, SHORTEST)

    def change(self, now: float) -> tuple[float, float]:
        """Give by how much number and sum rise in a second."""
        (begin, low, start), (end, high, stop) = self.past[0], self.past[-1]
        if end <= begin or high < low or self.silent(now):
            return 0.0, 0.0
        return (high - low) / (end - begin), (stop - start) / (end - begin)


@dataclass(frozen=True)
class Destination:
    """How one destination does: messages, and per second; `took` is how long a processing takes, in seconds."""

    name: str
    sent: int
    sending: float
    unsent: int
    processed: int
    processing: float
    failed: int
    took: float | None


@dataclass(frozen=True)
class Group:
    """How one consumer group does at one destination; times in seconds, None where nothing tells."""

    name: str
    destination: str
    lag: int | None
    behind: float | None
    in_flight: int | None
    oldest: float | None
    polled: float | None
    integrity: tuple[int, ...]


# What the ledger counts, and so does the screen: the lines' headings, what is added, what is subtracted.
INTEGRITY = {
    "redelivered": (semconv.REDELIVERED_MESSAGES, None),
    "reprocessed": (semconv.REPROCESSED_MESSAGES, None),
    "skipped": (semconv.SKIPPED_MESSAGES, semconv.RECOVERED_MESSAGES),
    "disordered": (semconv.OUT_OF_ORDER_MESSAGES, None),
}
GAUGES = {semconv.LAG, semconv.LAG_TIME, semconv.IN_FLIGHT, semconv.IN_FLIGHT_AGE, semconv.POLL_AGE}
TOLD = {
    semconv.SENT, semconv.PROCESS_DURATION, semconv.CONSUMED, semconv.UNHANDLED, semconv.FAILURES,
    *GAUGES, *(name for pair in INTEGRITY.values() for name in pair if name),
}  # fmt: skip


class Board:
    """Everything that was told, by series; at most so many of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self.clock, self.most = clock, most
        self.series: dict[tuple[object, ...], Series] = {}
        self.beyond = self.wrong = 0
        self.lock = Lock()

    def take(self, points: Iterable[Point]) -> None:
        """Know what was read, as far as it is shown."""
        with self.lock:
            for point in points:
                if point.name in TOLD:
                    self._take(point)

    def _take(self, point: Point) -> None:
        if not abs(point.value) <= LARGEST:
            self.wrong += 1
            return
        key = point.name, point.service, point.instance, *sorted(point.attributes.items())
        if key not in self.series:
            if len(self.series) >= self.most:
                self.beyond += 1
                return
            self.series[key] = Series(point)
        self.series[key].take(point, self.clock())

    def services(self) -> int:
        """Give how many services have told anything."""
        with self.lock:
            return len({series.first.service for series in self.series.values()})

    def total(self, *names: str) -> int:
        """Give the sum over everything."""
        with self.lock:
            return round(sum(series.value for series in self.series.values() if series.first.name in names))

    def destinations(self, most: int = MOST) -> tuple[list[Destination], int]:
        """Give the first destinations, by name, and how many more there are."""
        places: dict[str, list[Series]] = defaultdict(list)
        for one in self._named({semconv.SENT, semconv.PROCESS_DURATION, semconv.CONSUMED}):
            places[_where(one)[0]].append(one)
        names = sorted(filter(None, places))
        return [self._destination(name, places[name]) for name in names[:most]], len(names[most:])

    def groups(self, most: int = MOST) -> tuple[list[Group], int]:
        """Give the first groups at destinations, by name, and how many more there are."""
        places: dict[tuple[str, str], list[Series]] = defaultdict(list)
        for one in self._named(TOLD - {semconv.SENT}):
            places[_where(one)].append(one)
        names = sorted(filter(all, places), key=lambda at: (at[1], at[0]))
        rows = [self._group(*at, [*places[at], *places.get(("", at[1]), ())]) for at in names[:most]]
        return rows, len(names[most:])

    def _named(self, names: set[str]) -> list[Series]:
        with self.lock:
            return [series for series in self.series.values() if series.first.name in names]

    def _destination(self, name: str, found: list[Series]) -> Destination:
        now = self.clock()
        sent = [one for one in found if one.first.name == semconv.SENT]
        processed = [one for one in found if one.first.name == semconv.PROCESS_DURATION]
        handed = processed or [one for one in found if one.first.name == semconv.CONSUMED]
        changes = [one.change(now) for one in processed]
        rate, busy = sum(change[0] for change in changes), sum(change[1] for change in changes)
        return Destination(
            name=name,
            sent=_sum(sent),
            sending=sum(one.change(now)[0] for one in sent),
            unsent=_sum(one for one in sent if semconv.ERROR_TYPE in one.first.attributes),
            processed=_sum(handed),
            processing=sum(one.change(now)[0] for one in handed),
            failed=_sum(one for one in processed if semconv.ERROR_TYPE in one.first.attributes),
            took=busy / rate if rate else _mean(processed),
        )

    def _group(self, destination: str, group: str, own: list[Series]) -> Group:
        now = self.clock()
        here = [one for one in own if one.first.name in GAUGES and not one.silent(now)]

        def values(name: str) -> list[float]:
            return [one.value for one in here if one.first.name == name]

        def counted(name: str | None) -> int:
            return _sum(one for one in own if one.first.name == name)

        return Group(
            name=group,
            destination=destination,
            lag=_whole(values(semconv.LAG)),
            behind=max(values(semconv.LAG_TIME), default=None),
            in_flight=_whole(values(semconv.IN_FLIGHT)),
            oldest=max(values(semconv.IN_FLIGHT_AGE), default=None),
            polled=max(values(semconv.POLL_AGE), default=None),
            integrity=tuple(counted(plus) - counted(minus) for plus, minus in INTEGRITY.values()),
        )


def _where(series: Series) -> tuple[str, str]:
    said = series.first.attributes
    return said.get(semconv.DESTINATION, ""), said.get(semconv.GROUP, "")


def _sum(series: Iterable[Series]) -> int:
    return round(sum(one.value for one in series))


def _whole(values: list[float]) -> int | None:
    return round(sum(values)) if values else None


def _mean(series: list[Series]) -> float | None:
    number = sum(one.value for one in series)
    return sum(one.sum for one in series) / number if number else None
