"""Numbers of which most come one after the other: which have come, in which order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable


MAX_GAPS = 4096
"""How many gaps and unfinished offsets an account keeps; of what lies below the older half it claims nothing more."""


MAX_KEYS = 10_000


class Intervals:
    """A set of integers that mostly come one after the other."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []  # exclusive

    def __len__(self) -> int:
        return len(self.starts)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.starts, number) - 1
        return place >= 0 and number < self.ends[place]

    def add(self, first: int, end: int) -> None:
        """Add the integers from `first`, before `end`."""
        low, high = bisect_left(self.ends, first), bisect_right(self.starts, end)
        if low < high:
            first, end = min(first, self.starts[low]), max(end, self.ends[high - 1])
        self.starts[low:high], self.ends[low:high] = [first], [end]

    def drop_below(self, floor: int) -> None:
        """Drop what is below."""
        place = bisect_right(self.ends, floor)
        del self.starts[:place], self.ends[:place]
        if self.starts and self.starts[0] < floor:
            self.starts[0] = floor

    @property
    def missing(self) -> int:
        """How many integers the gaps lack."""
        return sum(self.starts[1:]) - sum(self.ends[:-1])


class Order:
    """The latest offset of each of the keys seen last."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: dict[Hashable, int] = {}

    def is_late(self, key: Hashable, offset: int) -> bool:
        """Note an offset, and tell whether a later one of its key was before it."""
        latest = self._latest.get(key)
        if latest is not None and latest > offset:
            return True
        self._latest[key] = offset
        if latest is None and len(self._latest) > MAX_KEYS:
            del self._latest[next(iter(self._latest))]
        return False


class Arrival(NamedTuple):
    """What a number of a sender tells: it came before, it was missed before, or so many before it have not come."""

    repeated: bool = False
    out_of_order: bool = False
    missed: int = 0


EXPECTED = Arrival()


MAX_JUMP = 1_000_000_000  # of more numbers than that nothing is claimed: nobody has sent them


def _arrival(number: int, first: list[int], last: list[int]) -> Arrival:
    if not first or number < first[0]:
        return EXPECTED
    missed = number - last[0]
    return Arrival(out_of_order=True) if missed < 0 else Arrival(missed=missed if missed <= MAX_JUMP else 0)


class Sequence:
    """What has come from one sender that numbers its messages: one that is missing is lost, if it never comes."""

    __slots__ = ("_arrived", "_floor", "_lock")

    def __init__(self) -> None:
        self._lock = Lock()
        self._arrived = Intervals()
        self._floor = 0

    def record_arrival(self, number: int) -> Arrival:
        """Note a number; of what was before the first that came nothing is known."""
        with self._lock:
            ends = self._arrived.ends
            if ends and number == ends[-1]:
                ends[-1] = number + 1
                return EXPECTED
            if number < self._floor or number in self._arrived:
                return Arrival(repeated=number >= self._floor)
            before, last = self._arrived.starts[:1], ends[-1:]
            self._arrived.add(number, number + 1)
            if len(self._arrived) > MAX_GAPS:
                self._floor = self._arrived.starts[1]
                self._arrived.drop_below(self._floor)
            return _arrival(number, before, last)

    @property
    def missing(self) -> int:
        """How many numbers between the first and the last have not come."""
        with self._lock:
            return self._arrived.missing
