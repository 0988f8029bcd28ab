from __future__ import annotations

from typing import Any

import pytest

from otel_eda import semconv
from otel_eda.live.aggregates import Aggregates, Point


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def point(name: str, value: float, time: float, instance: str = "1", **said: str) -> Point:
    attributes = {semconv.DESTINATION: "orders", semconv.GROUP: "billing", **said}
    return Point(name, "billing", instance, attributes, value, time, value / 100)


def test_processes_and_attributes_are_added_up() -> None:
    aggregates = Aggregates(Clock())
    aggregates.take([point(semconv.SENT, 3, 1.0), point(semconv.SENT, 4, 1.0, "2")])
    aggregates.take([point(semconv.SENT, 2, 1.0, **{semconv.ERROR_TYPE: "E"})])
    aggregates.take([point(semconv.SENT, 5, 2.0)])
    ((row,), _) = aggregates.destinations()
    assert (row.sent, row.unsent) == (11, 2)


def test_destinations_that_are_made_up_at_each_start_go_by_their_template() -> None:
    aggregates = Aggregates(Clock())
    for instance in "12":
        told = {semconv.TEMPLATE: "amq.gen-{id}"}
        aggregates.take([Point(semconv.SENT, "shop", instance, told, 3, 1.0)])
    ((row,), _) = aggregates.destinations()
    assert (row.name, row.sent) == ("amq.gen-{id}", 6)


def test_rates_are_of_the_last_minute_and_of_who_is_heard_of() -> None:
    clock = Clock()
    aggregates = Aggregates(clock)
    for second in range(200):
        clock.now += 1
        rate = 10 if second < 100 else 2
        value = min(second, 100) * 10 + max(second - 100, 0) * rate
        aggregates.take([point(semconv.PROCESS_DURATION, value, second)])
    ((row,), _) = aggregates.destinations()
    assert round(row.processing, 1) == 2.0
    assert row.took == pytest.approx(0.01)
    clock.now += 60
    assert aggregates.destinations()[0][0].processing == 0.0
    assert aggregates.destinations()[0][0].processed == row.processed


def test_what_counts_from_reading_to_reading_is_added() -> None:
    aggregates = Aggregates(Clock())
    for second in (1.0, 2.0):
        aggregates.take([Point(semconv.SENT, "shop", "", {semconv.DESTINATION: "orders"}, 5, second, delta=True)])
    assert aggregates.destinations()[0][0].sent == 10


def test_levels_of_who_is_gone_are_not_shown_but_its_counts_are() -> None:
    clock = Clock()
    aggregates = Aggregates(clock)
    aggregates.take(
        [point(semconv.LAG, 7, 1.0), point(semconv.SKIPPED_MESSAGES, 3, 1.0), point(semconv.RECOVERED_MESSAGES, 1, 1.0)]
    )
    ((row,), _) = aggregates.groups()
    assert (row.lag, row.integrity) == (7, (0, 0, 2, 0))
    clock.now += 100
    ((row,), _) = aggregates.groups()
    assert (row.lag, row.integrity) == (None, (0, 0, 2, 0))


def test_series_are_bounded_and_those_beyond_counted() -> None:
    aggregates = Aggregates(Clock(), most=10)
    aggregates.take(point(semconv.SENT, 1, 1.0, **{semconv.DESTINATION: f"t{number}"}) for number in range(25))
    aggregates.take([point(semconv.SENT, 2, 2.0, **{semconv.DESTINATION: "t3"})])
    assert len(aggregates.destinations()[0]) == 10
    assert aggregates.dropped == 15
    assert {row.name: row.sent for row in aggregates.destinations()[0]}["t3"] == 2


def test_readings_that_are_no_numbers_are_left_out_and_counted() -> None:
    aggregates = Aggregates(Clock())
    aggregates.take(
        point(name, float(value), 1.0) for name in (semconv.SENT, semconv.LAG) for value in ("nan", "inf", "-inf", 3)
    )
    assert (aggregates.destinations()[0][0].sent, aggregates.groups()[0][0].lag) == (3, 3)
    assert aggregates.invalid == 6


def test_who_is_gone_gives_way_to_others_but_what_it_counted_stays() -> None:
    clock, pods = Clock(), 30
    aggregates = Aggregates(clock, most=40)
    for pod in range(pods):  # each of them is a restart
        clock.now += 1000
        aggregates.take(point(semconv.LAG, 100, clock.now, f"pod-{pod}", **{semconv.PARTITION: p}) for p in "0123")
        aggregates.take(point(name, 5, clock.now, f"pod-{pod}") for name in (semconv.SENT, semconv.SKIPPED_MESSAGES))
    assert aggregates.dropped == 0
    assert len(aggregates.series) <= 40
    ((row,), _), ((group,), _) = aggregates.destinations(), aggregates.groups()
    assert (row.sent, group.integrity[2], group.lag) == (5 * pods, 5 * pods, 400)


@pytest.mark.parametrize("overlap", [-30, 0, 30])
def test_lag_is_not_counted_twice_when_another_process_takes_over(overlap: int) -> None:
    clock, shown = Clock(), []
    aggregates = Aggregates(clock)
    for second in range(0, 600, 10):
        clock.now += 10
        for pod, begins, ends in (("old", 0, 300 + overlap), ("new", 300, 600)):
            if begins <= second < ends and (second - begins) % 60 == 0:
                aggregates.take([point(semconv.LAG, 1000, clock.now, f"pod-{pod}")])
        shown.append(aggregates.groups()[0][0].lag)
    assert set(shown) - {None} == ({1000, 2000} if overlap > 0 else {1000})  # both reported it when it changed hands
    assert len(shown) - shown.count(1000) <= 8


def test_lag_is_not_known_until_all_reported_after_a_process_has_come() -> None:
    clock, shown = Clock(), []
    aggregates = Aggregates(clock)
    for second in range(0, 300, 10):
        clock.now += 10
        for pod, phase, begins in (("one", 0, 0), ("two", 30, 120)):
            if second >= begins and second % 60 == phase:
                aggregates.take([point(semconv.LAG, 500, clock.now, f"pod-{pod}")])
        shown.append(aggregates.groups()[0][0].lag)
    assert shown == [500] * 15 + [None] * 3 + [1000] * 12


class Said(dict[str, str]):
    """Attributes that count how often one is asked for."""

    asked = 0

    def get(self, *arguments: Any) -> Any:
        Said.asked += 1
        return super().get(*arguments)


def test_no_place_is_looked_for_among_all_series() -> None:
    names = (semconv.SENT, semconv.PROCESS_DURATION, semconv.LAG, semconv.IN_FLIGHT, semconv.SKIPPED_MESSAGES)
    said = [Said({semconv.DESTINATION: f"d{number}", semconv.GROUP: f"g{number}"}) for number in range(300)]
    aggregates = Aggregates(Clock())
    aggregates.take(Point(name, "billing", "1", one, 1, 1.0) for one in said for name in names)
    Said.asked = 0
    destinations, groups = aggregates.destinations(20), aggregates.groups(20)
    assert [len(destinations[0]), destinations[1], len(groups[0]), groups[1]] == [20, 280, 20, 280]
    assert [row.name for row in groups[0][:3]] == ["g0", "g1", "g10"]
    assert Said.asked <= 4 * len(aggregates.series)
