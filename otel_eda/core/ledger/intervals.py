"""Sets of integers that mostly follow one another, and the order in which they arrive."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable


MAX_GAPS = 4096
"""The gaps and unfinished offsets that a partition ledger keeps; beyond them it drops the older half."""


MAX_KEYS = 10_000


class Intervals:
    """A set of integers, kept as intervals; its memory grows with the gaps between them."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []  # exclusive

    def __len__(self) -> int:
        return len(self.starts)

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self.starts, number) - 1
        return index >= 0 and number < self.ends[index]

    def add(self, first: int, end: int) -> None:
        """Add the integers from `first` up to, but without, `end`."""
        low, high = bisect_left(self.ends, first), bisect_right(self.starts, end)
        if low < high:
            first, end = min(first, self.starts[low]), max(end, self.ends[high - 1])
        self.starts[low:high], self.ends[low:high] = [first], [end]

    def drop_below(self, floor: int) -> None:
        """Remove the integers below `floor`."""
        index = bisect_right(self.ends, floor)
        del self.starts[:index], self.ends[:index]
        if self.starts and self.starts[0] < floor:
            self.starts[0] = floor

    @property
    def missing(self) -> int:
        """The number of integers in the gaps."""
        return sum(self.starts[1:]) - sum(self.ends[:-1])


class Order:
    """The latest offset of each of the keys seen last."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: dict[Hashable, int] = {}

    def is_late(self, key: Hashable, offset: int) -> bool:
        """Record an offset of a key, and return whether a later offset of that key was recorded before."""
        latest = self._latest.get(key)
        if latest is not None and latest > offset:
            return True
        self._latest[key] = offset
        if latest is None and len(self._latest) > MAX_KEYS:
            del self._latest[next(iter(self._latest))]
        return False


class Arrival(NamedTuple):
    """What the number of a message says about the sender's messages.

    `repeated`: the number has arrived before. `out_of_order`: a later number has arrived before. `missed`: so many
    numbers before this one have not arrived.
    """

    repeated: bool = False
    out_of_order: bool = False
    missed: int = 0


EXPECTED = Arrival()


MAX_JUMP = 1_000_000_000  # a gap of more numbers is no loss: nobody has sent that many messages


def _arrival(number: int, first: list[int], last: list[int]) -> Arrival:
    if not first or number < first[0]:
        return EXPECTED
    missed = number - last[0]
    return Arrival(out_of_order=True) if missed < 0 else Arrival(missed=missed if missed <= MAX_JUMP else 0)


class Sequence:
    """The numbers that have arrived from one sender; a number that never arrives is a lost message."""

    __slots__ = ("_arrived", "_floor", "_lock")

    def __init__(self) -> None:
        self._lock = RLock()
        self._arrived = Intervals()
        self._floor = 0

    def record_arrival(self, number: int) -> Arrival:
        """Record a number and return what it says; nothing is known of numbers before the first that arrived."""
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
        """The number of integers between the first and the last that have not arrived."""
        with self._lock:
            return self._arrived.missing
