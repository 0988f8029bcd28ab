"""A partition's facts are those of an obvious slow model; memory grows with gaps, and threads don't confuse it."""

from __future__ import annotations

import random
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.times import times

from core.ledger.model import KEYS, Event, Model
from otel_eda.core.ledger import intervals
from otel_eda.core.ledger.ledger import epochs
from otel_eda.core.ledger.partition import DeliveryAnomaly, PartitionLedger

if TYPE_CHECKING:
    from collections.abc import Iterable


MESSAGES = 10_000_000
GAPS = 1000
FEW = 4  # messages, so that much happens to each
MUCH = 30  # events, before a crash ends what might come of them
HOLES = st.lists(st.integers(0, 1), min_size=2, max_size=3)


class Consuming(RuleBasedStateMachine):
    """A process that does anything with a partition, whose log has offsets that are no messages."""

    @initialize(holes=HOLES)
    def start(self, holes: list[int]) -> None:
        self.log: list[int] = []
        self.end = 0
        self.produce(holes)
        self.restart()

    @precondition(lambda self: len(self.log) < FEW)
    @rule(holes=HOLES)
    def produce(self, holes: list[int]) -> None:
        for hole in holes:
            self.log.append(self.end + hole)
            self.end += hole + 1

    @precondition(lambda self: len(self.model.history) > MUCH)
    @rule()
    def crash(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.partition, self.model = PartitionLedger(), Model()
        self.open: list[int] = []
        self.batch: list[int] = []
        self.position, self.epoch, self.read = 0, next(epochs), 0

    def read_on(self, epoch: int) -> None:
        if epoch != self.read:
            self.model.history.append(Event("anew"))
        self.read = epoch

    def begin(self, offset: int, epoch: int = 0) -> None:
        if epoch:
            self.read_on(epoch)
        assert self.partition.begin(offset, epoch, offset % KEYS) is self.model.begin(offset)
        self.open.append(offset)

    @rule()
    def deliver(self) -> None:
        offset = next((offset for offset in self.log if offset >= self.position), None)
        if offset is not None:
            self.position = offset + 1
            self.begin(offset, self.epoch)

    @rule(number=st.integers(1, 5))
    def poll(self, number: int) -> None:
        found = [offset for offset in self.log if offset >= self.position][:number]
        if found:
            self.read_on(self.epoch)
            self.partition.record_batch(found, self.epoch)
            self.position = found[-1] + 1
        self.batch.extend(found)

    @precondition(lambda self: self.batch)
    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        self.begin(self.batch.pop(data.draw(st.integers(0, len(self.batch) - 1))))

    @precondition(lambda self: self.model.history)
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """Have it delivered again, by a rewind or by hand."""
        self.begin(data.draw(st.sampled_from([at for at in self.log if self.model.was("begin", at)] or self.log[:1])))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), done=st.booleans())
    def finish(self, data: st.DataObject, done: bool) -> None:
        offset = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        assert self.partition.end(offset, done) is self.model.end(offset, done)

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        offset = data.draw(st.integers(0, self.end))
        assert self.partition.commit(offset) == self.model.commit(offset)

    @rule()
    def commit_all(self) -> None:
        assert self.partition.commit(self.position) == self.model.commit(self.position)

    @rule(data=st.data())
    def seek(self, data: st.DataObject) -> None:
        self.position, self.epoch = data.draw(st.integers(0, self.end)), next(epochs)

    @rule(data=st.data())
    def rebalance(self, data: st.DataObject) -> None:
        self.partition.release()
        self.model.history.append(Event("release"))
        self.seek(data)

    @invariant()
    def nothing_is_kept_of_what_is_done(self) -> None:
        if not hasattr(self, "log"):
            return
        unfinished = {at for at in self.log if self.model.was("begin", at) and not self.model.was("done", at)}
        assert {*self.partition._attempts, *self.partition._marks} <= unfinished


Consuming.TestCase.settings = settings(max_examples=times(100), stateful_step_count=50)
TestConsuming = Consuming.TestCase


def consume(partition: PartitionLedger, offsets: Iterable[int], epoch: int) -> None:
    for offset in offsets:
        partition.begin(offset, epoch)
        partition.end(offset)


def size(partition: PartitionLedger) -> int:
    kept = [partition._begun.starts, partition._begun.ends, partition._attempts, partition._marks]
    return sum(map(sys.getsizeof, kept)) + sum(sys.getsizeof(number) for items in kept for number in items)


def test_ten_million_offsets_with_a_thousand_gaps_take_less_than_a_megabyte() -> None:
    partition, run = PartitionLedger(), MESSAGES // GAPS
    for gap in range(GAPS):
        # What lies within a run is dense: its ends tell as much as all of it would.
        partition._begun.add(gap * run, (gap + 1) * run - 2)
        consume(partition, range((gap + 1) * run - 2, (gap + 1) * run - 1), next(epochs))
    assert len(partition._begun) == GAPS
    assert size(partition) < 1 << 20
    assert partition.begin(5 * run) is DeliveryAnomaly.REPROCESSED
    assert partition.begin(6 * run - 1) is None


def test_memory_does_not_grow_with_messages() -> None:
    partition = PartitionLedger()
    consume(partition, range(50_000), 1)
    consume(partition, range(50_000, 100_000, 2), 1)  # a transaction each
    assert (len(partition._begun), len(partition._attempts), len(partition._marks)) == (1, 0, 0)


@pytest.mark.parametrize("fails", [False, True])
def test_memory_is_bounded_and_nothing_is_claimed_of_what_was_forgotten(fails: bool) -> None:
    partition = PartitionLedger()
    for offset in range(0, 10 * intervals.MAX_GAPS, 2):
        partition.begin(offset)
        partition.end(offset, not fails)
    assert len(partition._begun) + len(partition._marks) <= intervals.MAX_GAPS + 1
    assert size(partition) < 1 << 20
    assert partition.begin(0) is None
    assert partition.end(0, False) is None
    last = 10 * intervals.MAX_GAPS - 2
    assert partition.begin(last) is (DeliveryAnomaly.REDELIVERED if fails else DeliveryAnomaly.REPROCESSED)
    assert all(offset >= partition.floor for offset in partition.commit(last + 1).skipped)


def test_threads_do_not_confuse_it() -> None:
    partition, facts = PartitionLedger(), []
    offsets = list(range(20_000))
    random.Random(4).shuffle(offsets)
    shares = [offsets[start::4] for start in range(4)]

    def work(share: list[int]) -> None:
        for offset in share:
            facts.extend([partition.begin(offset), partition.end(offset, offset % 100 != 0)])

    before = intervals.MAX_GAPS
    intervals.MAX_GAPS = 1 << 20
    try:
        threads = [threading.Thread(target=work, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        intervals.MAX_GAPS = before
    assert set(facts) == {None}
    assert partition.commit(20_000).skipped == tuple(range(0, 20_000, 100))
    assert (partition._begun.starts, partition._begun.ends) == ([0], [20_000])


def test_a_worker_that_begins_with_a_later_message_of_its_key_is_out_of_order() -> None:
    partition = PartitionLedger()
    for offset in range(4):
        assert partition.begin(offset, 1, "key") is None
    assert partition.take_over(1, "key") is None
    assert partition.take_over(3, "other") is None
    assert partition.take_over(0, "key") is DeliveryAnomaly.OUT_OF_ORDER


def test_what_a_consumer_gets_after_a_seek_is_in_no_order_with_what_it_got_before() -> None:
    partition = PartitionLedger()
    assert partition.begin(9, 1, "key") is None
    assert partition.begin(3, 2, "key") is None
    assert partition.begin(2, 0, "key") is DeliveryAnomaly.OUT_OF_ORDER
    partition.record_batch([0, 1], 3)
    assert partition.begin(1, 0, "key") is None
    assert partition.begin(0, 0, "key") is DeliveryAnomaly.OUT_OF_ORDER
