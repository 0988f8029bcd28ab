"""What a consumer has done with each offset of one partition."""

from __future__ import annotations

from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from otel_eda.core.ledger import intervals
from otel_eda.core.ledger.intervals import Intervals, Order

if TYPE_CHECKING:
    from collections.abc import Hashable
    from collections.abc import Sequence as Listed


class DeliveryAnomaly(Enum):
    """What has come to light about a message."""

    REDELIVERED = "redelivered"  # begun again, and not done before
    REPROCESSED = "reprocessed"  # begun again, though done
    OUT_OF_ORDER = "out_of_order"  # begun for the first time after a later one of its key
    SKIPPED = "skipped"  # committed past, and not done by any of its attempts, of which none is going on
    RECOVERED = "recovered"  # skipped, and done after all


class Committed(NamedTuple):
    """What a commit has brought to light."""

    skipped: tuple[int, ...] = ()
    regressed: bool = False


class _Mark(Enum):
    """Why an offset that has begun is not done; one that is merely in flight has none."""

    FAILED = 1  # nobody works on it, and it is not committed past
    EXPOSED = 2  # committed past while in flight: skipped if it fails
    SKIPPED = 3
    FOREIGN = 4  # another member may have it, or had it: nothing is claimed


NOTHING_FOUND = Committed()


class PartitionLedger:
    """What one group, or a consumer without one, has done with the offsets of one partition."""

    __slots__ = (
        "_attempts",
        "_begin_order",
        "_begun",
        "_epoch",
        "_lock",
        "_marks",
        "_next_offset",
        "_take_over_order",
        "committed",
        "floor",
    )

    def __init__(self) -> None:
        self._lock = Lock()
        self._begun = Intervals()  # what has begun, and offsets that were found to be no messages
        self._attempts: dict[int, int] = {}  # attempts that go on, of what is not done
        self._marks: dict[int, _Mark] = {}
        self._epoch = self._next_offset = 0
        self._begin_order, self._take_over_order = Order(), Order()
        self.committed: int | None = None
        self.floor = 0

    def begin(self, offset: int, epoch: int = 0, key: Hashable = None) -> DeliveryAnomaly | None:
        """Note that processing begins; in an `epoch` one offset follows another as the consumer gets them."""
        with self._lock:
            if epoch:
                if offset != self._next_offset and epoch == self._epoch:
                    self._note_gap(offset)
                self._epoch, self._next_offset = epoch, offset + 1
            ends = self._begun.ends
            if ends and offset == ends[-1]:
                ends[-1] = offset + 1  # dense, as nearly always
            elif offset < self.floor:
                return None
            elif offset in self._begun:
                return self._begin_again(offset)
            else:
                self._begun.add(offset, offset + 1)
                self._drop_oldest()
            self._attempts[offset] = 1
            if self.committed is not None and offset < self.committed:
                self._marks[offset] = _Mark.FOREIGN
            if key is not None and self._begin_order.is_late(key, offset):
                return DeliveryAnomaly.OUT_OF_ORDER
            return None

    def _begin_again(self, offset: int) -> DeliveryAnomaly:
        mark = self._marks.get(offset)
        if mark is None and offset not in self._attempts:
            return DeliveryAnomaly.REPROCESSED
        if mark is not _Mark.SKIPPED and (self.committed is None or offset >= self.committed):
            self._marks.pop(offset, None)
        self._attempts[offset] = self._attempts.get(offset, 0) + 1
        return DeliveryAnomaly.REDELIVERED

    def take_over(self, offset: int, key: Hashable) -> DeliveryAnomaly | None:
        """Note that a worker begins with what a loop has handed to it; tell if it does so out of its key's order."""
        with self._lock:
            return DeliveryAnomaly.OUT_OF_ORDER if self._take_over_order.is_late(key, offset) else None

    def give_up(self, offset: int) -> None:
        """Note that an attempt is over, and that nobody knows how: nothing is claimed of the offset any more."""
        with self._lock:
            left = self._attempts.get(offset, 0) - 1
            if left > 0:
                self._attempts[offset] = left
            elif left == 0:
                del self._attempts[offset]
                self._marks[offset] = _Mark.FOREIGN
                self._drop_oldest()

    def end(self, offset: int, done: bool = True) -> DeliveryAnomaly | None:
        """Note that an attempt is over, and whether it has succeeded."""
        with self._lock:
            if not done:
                return self._fail(offset)
            if self._attempts.pop(offset, 0) and self._marks and self._marks.pop(offset, None) is _Mark.SKIPPED:
                return DeliveryAnomaly.RECOVERED
            return None

    def _fail(self, offset: int) -> DeliveryAnomaly | None:
        left = self._attempts.get(offset, 0) - 1
        if left > 0:
            self._attempts[offset] = left
        if left != 0:
            return None
        del self._attempts[offset]
        mark = self._marks.setdefault(offset, _Mark.FAILED)
        if mark is _Mark.EXPOSED:
            self._marks[offset] = _Mark.SKIPPED
            return DeliveryAnomaly.SKIPPED
        self._drop_oldest()
        return None

    def commit(self, offset: int) -> Committed:
        """Note that all before this offset are committed."""
        with self._lock:
            before, self.committed = self.committed, offset
            if before is None or before < offset:
                return self._pass_over(offset)
            if before == offset:
                return NOTHING_FOUND
            for exposed in [at for at, mark in self._marks.items() if mark is _Mark.EXPOSED and at >= offset]:
                del self._marks[exposed]
            return Committed(regressed=True)

    def _pass_over(self, offset: int) -> Committed:
        marks = self._marks
        skipped = tuple(sorted(at for at, mark in marks.items() if mark is _Mark.FAILED and at < offset))
        marks.update(dict.fromkeys(skipped, _Mark.SKIPPED))
        for at in self._attempts:
            if at < offset:
                marks.setdefault(at, _Mark.EXPOSED)
        return Committed(skipped) if skipped else NOTHING_FOUND

    def release(self) -> None:
        """Note that another member may have the partition from now on, or had it until now."""
        with self._lock:
            self.committed, self._epoch = None, 0
            for at, mark in list(self._marks.items()):
                if mark is _Mark.FAILED:
                    self._marks[at] = _Mark.FOREIGN
            for at in self._attempts:
                self._marks.setdefault(at, _Mark.FOREIGN)

    def record_batch(self, offsets: Listed[int], epoch: int) -> None:
        """Note what a batch brought, in order: offsets between them are no messages."""
        with self._lock:
            dense = offsets[-1] - offsets[0] == len(offsets) - 1
            for offset in offsets[:1] if dense else offsets:
                if offset != self._next_offset and epoch == self._epoch:
                    self._note_gap(offset)
                self._epoch, self._next_offset = epoch, offset + 1
            self._next_offset = offsets[-1] + 1

    def next_offset(self, epoch: int) -> int | None:
        """Give the offset after the last that was handed over; None if none was in that epoch."""
        with self._lock:
            return self._next_offset if epoch == self._epoch else None

    def _note_gap(self, offset: int) -> None:
        # The end of a transaction, an aborted message, one that compaction has removed.
        first = max(self._next_offset, self.floor)
        if first < offset:
            self._begun.add(first, offset)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        if len(self._begun) + len(self._marks) <= intervals.MAX_GAPS:
            return
        edges = sorted([*self._begun.starts, *self._marks])
        self.floor = floor = edges[len(edges) // 2]
        self._begun.drop_below(floor)
        for kept in (self._marks, self._attempts):
            for at in [at for at in kept if at < floor]:
                del kept[at]
