"""The ledger's facts are those of an obvious slow model; its memory grows with gaps, and threads don't confuse it."""

from __future__ import annotations

import random
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.times import times

from otel_eda.core.ledger import intervals, ledger, senders
from otel_eda.core.ledger.intervals import EXPECTED, Arrival, Intervals, Order, Sequence
from otel_eda.core.ledger.ledger import Ledger, epochs
from otel_eda.core.ledger.partition import Committed, DeliveryAnomaly, PartitionLedger

if TYPE_CHECKING:
    from collections.abc import Iterable

MESSAGES = 10_000_000
GAPS = 1000
KEYS = 3
FEW = 4  # messages, so that much happens to each
MUCH = 30  # events, before a crash ends what might come of them
HOLES = st.lists(st.integers(0, 1), min_size=2, max_size=3)


class Event(NamedTuple):
    """One line of the slow model's history."""

    what: str
    offset: int = -1


class Model:
    """Remembers everything that ever happened, and looks through all of it for each answer."""

    def __init__(self) -> None:
        self.history: list[Event] = []

    def was(self, what: str, offset: int) -> bool:
        return Event(what, offset) in self.history

    def watermark(self, until: int) -> int | None:
        """Give what was committed last, as far as this process can know."""
        known = None
        for event in self.history[:until]:
            if event.what == "commit":
                known = event.offset
            elif event.what == "release":
                known = None
        return known

    def attempts(self, offset: int) -> int:
        """Give how many attempts go on."""
        begun = self.history.count(Event("begin", offset))
        return begun - self.history.count(Event("fail", offset)) - self.history.count(Event("done", offset))

    def covered(self, offset: int) -> bool:
        """Tell whether a commit of ours passed it after it was ours to process, and was not taken back since."""
        ours = covered = False
        for place, event in enumerate(self.history):
            if event == Event("begin", offset):
                known = self.watermark(place)
                if known is None or known <= offset:
                    ours, covered = True, False
            elif event.what == "release" and not covered:
                ours = False
            elif event.what == "commit":
                known = self.watermark(place)
                if event.offset > offset:
                    covered = covered or ours
                elif known is not None and event.offset < known and not self.over(offset, place):
                    covered = False
        return covered

    def over(self, offset: int, until: int) -> bool:
        """Tell whether it had been told as skipped by then."""
        return Event("skipped", offset) in self.history[:until]

    def lost(self, offset: int) -> bool:
        return (
            self.was("begin", offset)
            and not self.was("done", offset)
            and not self.was("skipped", offset)
            and self.attempts(offset) == 0
            and self.covered(offset)
        )

    def begin(self, offset: int) -> DeliveryAnomaly | None:
        fact = None
        if self.was("done", offset):
            fact = DeliveryAnomaly.REPROCESSED
        elif self.was("begin", offset):
            fact = DeliveryAnomaly.REDELIVERED
        elif any(
            event.what == "begin" and event.offset > offset and event.offset % KEYS == offset % KEYS
            for event in self.history
        ):
            fact = DeliveryAnomaly.OUT_OF_ORDER
        self.history.append(Event("begin", offset))
        return fact

    def end(self, offset: int, done: bool) -> DeliveryAnomaly | None:
        first = done and not self.was("done", offset)
        self.history.append(Event("done" if done else "fail", offset))
        if first and self.was("skipped", offset):
            return DeliveryAnomaly.RECOVERED
        if self.lost(offset):
            self.history.append(Event("skipped", offset))
            return DeliveryAnomaly.SKIPPED
        return None

    def commit(self, offset: int) -> Committed:
        known = self.watermark(len(self.history))
        self.history.append(Event("commit", offset))
        lost = tuple(sorted(at for at in {event.offset for event in self.history} if self.lost(at)))
        self.history.extend(Event("skipped", at) for at in lost)
        return Committed(lost, known is not None and offset < known)


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
        self.account, self.model = PartitionLedger(), Model()
        self.open: list[int] = []
        self.batch: list[int] = []
        self.position, self.epoch = 0, next(epochs)

    def begin(self, offset: int, epoch: int = 0) -> None:
        assert self.account.begin(offset, epoch, offset % KEYS) is self.model.begin(offset)
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
            self.account.record_batch(found, self.epoch)
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
        assert self.account.end(offset, done) is self.model.end(offset, done)

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        offset = data.draw(st.integers(0, self.end))
        assert self.account.commit(offset) == self.model.commit(offset)

    @rule()
    def commit_all(self) -> None:
        assert self.account.commit(self.position) == self.model.commit(self.position)

    @rule(data=st.data())
    def seek(self, data: st.DataObject) -> None:
        self.position, self.epoch = data.draw(st.integers(0, self.end)), next(epochs)

    @rule(data=st.data())
    def rebalance(self, data: st.DataObject) -> None:
        self.account.release()
        self.model.history.append(Event("release"))
        self.seek(data)

    @invariant()
    def nothing_is_kept_of_what_is_done(self) -> None:
        if not hasattr(self, "log"):
            return
        unfinished = {at for at in self.log if self.model.was("begin", at) and not self.model.was("done", at)}
        assert {*self.account._attempts, *self.account._marks} <= unfinished


Consuming.TestCase.settings = settings(max_examples=times(100), stateful_step_count=50)
TestConsuming = Consuming.TestCase


def consume(account: PartitionLedger, offsets: Iterable[int], epoch: int) -> None:
    for offset in offsets:
        account.begin(offset, epoch)
        account.end(offset)


def size(account: PartitionLedger) -> int:
    kept = [account._begun.starts, account._begun.ends, account._attempts, account._marks]
    return sum(map(sys.getsizeof, kept)) + sum(sys.getsizeof(number) for items in kept for number in items)


def test_ten_million_offsets_with_a_thousand_gaps_take_less_than_a_megabyte() -> None:
    account, run = PartitionLedger(), MESSAGES // GAPS
    for gap in range(GAPS):
        # What lies within a run is dense: its ends tell as much as all of it would.
        account._begun.add(gap * run, (gap + 1) * run - 2)
        consume(account, range((gap + 1) * run - 2, (gap + 1) * run - 1), next(epochs))
    assert len(account._begun) == GAPS
    assert size(account) < 1 << 20
    assert account.begin(5 * run) is DeliveryAnomaly.REPROCESSED
    assert account.begin(6 * run - 1) is None


def test_memory_does_not_grow_with_messages() -> None:
    account = PartitionLedger()
    consume(account, range(50_000), 1)
    consume(account, range(50_000, 100_000, 2), 1)  # a transaction each
    assert (len(account._begun), len(account._attempts), len(account._marks)) == (1, 0, 0)


@pytest.mark.parametrize("fails", [False, True])
def test_memory_is_bounded_and_nothing_is_claimed_of_what_was_forgotten(fails: bool) -> None:
    account = PartitionLedger()
    for offset in range(0, 10 * intervals.MAX_GAPS, 2):
        account.begin(offset)
        account.end(offset, not fails)
    assert len(account._begun) + len(account._marks) <= intervals.MAX_GAPS + 1
    assert size(account) < 1 << 20
    assert account.begin(0) is None
    assert account.end(0, False) is None
    last = 10 * intervals.MAX_GAPS - 2
    assert account.begin(last) is (DeliveryAnomaly.REDELIVERED if fails else DeliveryAnomaly.REPROCESSED)
    assert all(offset >= account.floor for offset in account.commit(last + 1).skipped)


def test_threads_do_not_confuse_it() -> None:
    account, facts = PartitionLedger(), []
    offsets = list(range(20_000))
    random.Random(4).shuffle(offsets)
    shares = [offsets[start::4] for start in range(4)]

    def work(share: list[int]) -> None:
        for offset in share:
            facts.extend([account.begin(offset), account.end(offset, offset % 100 != 0)])

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
    assert account.commit(20_000).skipped == tuple(range(0, 20_000, 100))
    assert (account._begun.starts, account._begun.ends) == ([0], [20_000])


@pytest.mark.parametrize("given", [[], [3], [3, 5], [5, 4, 3], [1, 2, 5, 6, 3, 4], [1, 1, 1]])
def test_intervals_are_a_set(given: list[int]) -> None:
    intervals = Intervals()
    for number in given:
        intervals.add(number, number + 1)
    assert [number for number in range(10) if number in intervals] == sorted(set(given))
    assert intervals.missing == (max(given) - min(given) + 1 - len(set(given)) if given else 0)


def test_intervals_add_ranges_and_cut_them() -> None:
    intervals = Intervals()
    for first, end in ((0, 3), (10, 12), (5, 7), (2, 6)):
        intervals.add(first, end)
    assert (intervals.starts, intervals.ends) == ([0, 10], [7, 12])
    intervals.drop_below(5)
    assert (intervals.starts, intervals.ends) == ([5, 10], [7, 12])
    intervals.drop_below(7)
    assert (intervals.starts, intervals.ends) == ([10], [12])


def test_a_worker_that_begins_with_a_later_message_of_its_key_is_out_of_order() -> None:
    account = PartitionLedger()
    for offset in range(4):
        assert account.begin(offset, 1, "key") is None
    assert account.take_over(1, "key") is None
    assert account.take_over(3, "other") is None
    assert account.take_over(0, "key") is DeliveryAnomaly.OUT_OF_ORDER


def test_keys_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "MAX_KEYS", 2)
    order = Order()
    assert [order.is_late(key, offset) for key, offset in [("a", 9), ("b", 9), ("c", 9), ("a", 1), ("c", 1)]] == [
        False,
        False,
        False,
        False,  # forgotten
        True,
    ]


def test_a_sequence_tells_gaps_and_repeats() -> None:
    sequence = Sequence()
    assert [sequence.record_arrival(number) for number in (7, 8, 10, 8, 9, 14)] == [
        *[EXPECTED] * 2,
        Arrival(missed=1),
        Arrival(repeated=True),
        Arrival(out_of_order=True),
        Arrival(missed=3),
    ]
    assert sequence.missing == 3
    assert [sequence.record_arrival(number) for number in (13, 11, 12)] == [Arrival(out_of_order=True)] * 3
    assert sequence.missing == 0
    assert sequence.record_arrival(5) == EXPECTED  # nobody knows what was before the first
    assert sequence.record_arrival(10**18) == EXPECTED  # nobody has sent so many


def test_a_sequence_is_bounded() -> None:
    sequence = Sequence()
    for number in range(0, 4 * intervals.MAX_GAPS, 2):
        sequence.record_arrival(number)
    assert len(sequence._arrived) <= intervals.MAX_GAPS
    assert sequence.record_arrival(0) == EXPECTED
    assert sequence.record_arrival(4 * intervals.MAX_GAPS - 2) == Arrival(repeated=True)


def test_senders_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "MAX_SENDERS", 10)
    known = senders.Senders()
    for number in range(1000):
        known.of(str(number)).record_arrival(0)
    assert len(known._sequences) == 10


def test_a_ledger_has_an_account_for_each_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Ledger()
    for partition in ("0", "1"):
        account = book.partition_ledger("orders", partition)
        account.begin(0)
        account.end(0, partition == "0")
    assert book.partition_ledger("orders", "0") is not book.partition_ledger("orders", "1")
    assert book.commit({("orders", "0"): 1, ("orders", "1"): 1}) == {("orders", "1"): Committed((0,))}
    monkeypatch.setattr(ledger, "MAX_PARTITIONS", 2)
    book.partition_ledger("payments", "0")
    assert list(book.partition_ledgers) == [("orders", "1"), ("payments", "0")]
