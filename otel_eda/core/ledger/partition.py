"""The state of each offset of one partition."""

from __future__ import annotations

from enum import Enum
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from otel_eda.core.ledger import intervals
from otel_eda.core.ledger.intervals import Intervals, Order

if TYPE_CHECKING:
    from collections.abc import Hashable
    from collections.abc import Sequence as Listed


class DeliveryAnomaly(Enum):
    """An irregularity in the delivery of a message."""

    REDELIVERED = "redelivered"  # begun again before an attempt succeeded
    REPROCESSED = "reprocessed"  # begun again after an attempt succeeded
    OUT_OF_ORDER = "out_of_order"  # begun for the first time after a later message of its key
    SKIPPED = "skipped"  # committed past, with no attempt that succeeded or is in progress
    RECOVERED = "recovered"  # skipped, and then done


class Committed(NamedTuple):
    """The findings of a commit: the offsets that it skipped, and whether it went back behind an earlier commit."""

    skipped: tuple[int, ...] = ()
    regressed: bool = False


class _Mark(Enum):
    """Why an offset that has begun is not done; an offset that is in flight has no mark."""

    FAILED = 1  # no attempt is in progress, and it is not committed past
    EXPOSED = 2  # committed past while in flight: skipped if it fails
    SKIPPED = 3
    FOREIGN = 4  # another member may have processed it: nothing is claimed


NOTHING_FOUND = Committed()


class PartitionLedger:
    """The state of the offsets of one partition, as one group, or a consumer without one, has processed them.

    An `epoch` is a time in which one offset follows another as the consumer gets them: offsets between two are no
    messages. In epoch 0 they come in any order.
    """

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
        # A thread may take it twice: the garbage collector may end an abandoned loop during a step of the ledger.
        self._lock = RLock()
        self._begun = Intervals()  # offsets that have begun, and those that are no messages
        self._attempts: dict[int, int] = {}  # attempts in progress, of offsets that are not done
        self._marks: dict[int, _Mark] = {}
        self._epoch = self._next_offset = 0
        self._begin_order, self._take_over_order = Order(), Order()
        self.committed: int | None = None
        self.floor = 0

    def begin(self, offset: int, epoch: int = 0, key: Hashable = None) -> DeliveryAnomaly | None:
        """Record that the processing of an offset begins, and return what is irregular about it."""
        self._lock.acquire()  # `with` takes twice as long
        try:
            if epoch:
                if offset != self._next_offset or epoch != self._epoch:
                    self._jump(offset, epoch)
                self._next_offset = offset + 1
            ends = self._begun.ends
            if ends and offset == ends[-1]:
                ends[-1] = offset + 1  # the next offset: the common case
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
            late = key is not None and self._begin_order.is_late(key, offset)
            return DeliveryAnomaly.OUT_OF_ORDER if late else None
        finally:
            self._lock.release()

    def _begin_again(self, offset: int) -> DeliveryAnomaly:
        mark = self._marks.get(offset)
        if mark is None and offset not in self._attempts:
            return DeliveryAnomaly.REPROCESSED
        if mark is not _Mark.SKIPPED and (self.committed is None or offset >= self.committed):
            self._marks.pop(offset, None)
        self._attempts[offset] = self._attempts.get(offset, 0) + 1
        return DeliveryAnomaly.REDELIVERED

    def take_over(self, offset: int, key: Hashable) -> DeliveryAnomaly | None:
        """Record that a worker begins with a message that a loop has handed to it.

        Returns `OUT_OF_ORDER` if a worker has begun with a later message of the same key before.
        """
        with self._lock:
            return DeliveryAnomaly.OUT_OF_ORDER if self._take_over_order.is_late(key, offset) else None

    def give_up(self, offset: int) -> None:
        """Record that an attempt is over, but not how: nothing is claimed of the offset any more."""
        with self._lock:
            left = self._attempts.get(offset, 0) - 1
            if left > 0:
                self._attempts[offset] = left
            elif left == 0:
                del self._attempts[offset]
                self._marks[offset] = _Mark.FOREIGN
                self._drop_oldest()

    def end(self, offset: int, done: bool = True) -> DeliveryAnomaly | None:
        """Record that an attempt is over, `done` or failed, and return what is irregular about that."""
        self._lock.acquire()
        try:
            if not done:
                return self._fail(offset)
            if self._attempts.pop(offset, 0) and self._marks and self._marks.pop(offset, None) is _Mark.SKIPPED:
                return DeliveryAnomaly.RECOVERED
            return None
        finally:
            self._lock.release()

    def _fail(self, offset: int) -> DeliveryAnomaly | None:
        remaining = self._attempts.get(offset, 0) - 1
        if remaining > 0:
            self._attempts[offset] = remaining
        if remaining != 0:
            return None
        del self._attempts[offset]
        mark = self._marks.setdefault(offset, _Mark.FAILED)
        if mark is _Mark.EXPOSED:
            self._marks[offset] = _Mark.SKIPPED
            return DeliveryAnomaly.SKIPPED
        self._drop_oldest()
        return None

    def commit(self, offset: int) -> Committed:
        """Record that all offsets before this one are committed, and return the findings."""
        with self._lock:
            committed, self.committed = self.committed, offset
            if committed is None or committed < offset:
                return self._pass_over(offset)
            if committed == offset:
                return NOTHING_FOUND
            for exposed in [at for at, mark in list(self._marks.items()) if mark is _Mark.EXPOSED and at >= offset]:
                self._marks.pop(exposed, None)
            return Committed(regressed=True)

    def _pass_over(self, offset: int) -> Committed:
        marks = self._marks
        skipped = tuple(sorted(at for at, mark in list(marks.items()) if mark is _Mark.FAILED and at < offset))
        marks.update(dict.fromkeys(skipped, _Mark.SKIPPED))
        for at in list(self._attempts):
            if at < offset:
                marks.setdefault(at, _Mark.EXPOSED)
        return Committed(skipped) if skipped else NOTHING_FOUND

    def release(self) -> None:
        """Record that another member of the group may have the partition from now on, or had it until now."""
        with self._lock:
            self.committed, self._epoch = None, 0
            for at, mark in list(self._marks.items()):
                if mark is _Mark.FAILED:
                    self._marks[at] = _Mark.FOREIGN
            for at in list(self._attempts):
                self._marks.setdefault(at, _Mark.FOREIGN)

    def record_batch(self, offsets: Listed[int], epoch: int) -> None:
        """Record the offsets of a batch, in order: the offsets between them are no messages."""
        with self._lock:
            dense = offsets[-1] - offsets[0] == len(offsets) - 1
            for offset in offsets[:1] if dense else offsets:
                if offset != self._next_offset or epoch != self._epoch:
                    self._jump(offset, epoch)
                self._next_offset = offset + 1
            self._next_offset = offsets[-1] + 1

    def next_offset(self, epoch: int) -> int | None:
        """Return the offset after the last one that was handed over, or None if none was in that epoch."""
        with self._lock:
            return self._next_offset if epoch == self._epoch else None

    def _jump(self, offset: int, epoch: int) -> None:
        if epoch == self._epoch:
            self._note_gap(offset)
        else:
            # The consumer may have gone back on purpose: what it gets now is in no order with what it got before.
            self._epoch, self._begin_order, self._take_over_order = epoch, Order(), Order()

    def _note_gap(self, offset: int) -> None:
        # Such offsets are ends of transactions, aborted messages, messages that compaction has removed.
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
        for by_offset in (self._marks, self._attempts):
            for at in [at for at in list(by_offset) if at < floor]:
                by_offset.pop(at, None)
