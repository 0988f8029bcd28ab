"""Intervals, orders and sequences of numbers, all bounded."""

from __future__ import annotations

import pytest

from otel_eda.core.ledger import intervals
from otel_eda.core.ledger.intervals import EXPECTED, Arrival, Intervals, Order, Sequence


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


def test_a_sequence_reports_gaps_and_repeats() -> None:
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
