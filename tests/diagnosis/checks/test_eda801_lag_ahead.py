"""What EDA801 (lag will reach its bound) foretells, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import BEGIN, SECOND

from .helpers import LIKELY, SUSPECT, only
from .metrics import around, hours, levels, rising

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose

LAG = "eda.consumer.lag"
CALM = around(20, 120)
GROWTH = rising(40, 100, 20)


def test_a_lag_that_rises_to_its_bound(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, [*CALM, *GROWTH])
    finding = only(diagnose(made.world, "EDA801", lag_bound=6000).findings, "EDA801")
    assert (finding.verdict, finding.group, finding.destination) == (LIKELY, "billing", "orders")
    assert finding.count == pytest.approx(4000, rel=0.1)
    assert finding.detail is not None
    assert "messages wait, and it will be 6000 between" in finding.detail
    assert finding.first_time is not None
    assert abs(finding.first_time - BEGIN - 121 * 60 * SECOND) < 10 * 60 * SECOND


def test_a_bound_that_nobody_set_is_only_suspected(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, [*CALM, *rising(12, 55, 20)])
    finding = only(diagnose(made.world, "EDA801").findings, "EDA801")
    assert finding.verdict is SUSPECT
    assert "it will be 1000 " in str(finding.detail)


def test_what_is_too_far_ahead_is_not_told(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, [*CALM, *GROWTH])
    assert diagnose(made.world, "EDA801", lag_bound=60_000).findings == ()


def test_a_lag_that_is_there_already_is_not_foretold(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, [*CALM, *GROWTH])
    assert diagnose(made.world, "EDA801", lag_bound=3000).findings == ()


def test_lag_that_came_so_far_before_and_was_worked_off(diagnose: Diagnose) -> None:
    made = hours()
    peak = rising(50, 100, 20)
    levels(made.billing, LAG, [*CALM, *peak, *peak[::-2], *CALM, *GROWTH])
    assert diagnose(made.world, "EDA801", lag_bound=6000).findings == ()


def test_all_partitions_of_all_members_are_one_lag(diagnose: Diagnose) -> None:
    made = hours()
    other = made.world.service("billing", group="billing")
    for service, part in ((made.billing, "0"), (other, "1")):
        half = [value / 2 for value in (*CALM, *GROWTH)]
        levels(service, LAG, half, {**_place(), "messaging.destination.partition.id": part})
    finding = only(diagnose(made.world, "EDA801", lag_bound=6000).findings, "EDA801")
    assert finding.count == pytest.approx(4000, rel=0.1)


def test_a_partition_of_which_nothing_is_known_any_more_is_no_partition_without_lag(diagnose: Diagnose) -> None:
    made = hours()
    other = made.world.service("billing", group="billing")
    levels(made.billing, LAG, [*CALM, *GROWTH], {**_place(), "messaging.destination.partition.id": "0"})
    levels(other, LAG, CALM, {**_place(), "messaging.destination.partition.id": "1"})
    assert diagnose(made.world, "EDA801", lag_bound=6000).findings == ()


def test_readings_that_are_missing_make_it_less_certain(diagnose: Diagnose) -> None:
    made = hours()
    some = [None if turn % 4 == 1 else value for turn, value in enumerate(GROWTH)]
    levels(made.billing, LAG, [*CALM, *some])
    assert only(diagnose(made.world, "EDA801", lag_bound=6000).findings, "EDA801").verdict is SUSPECT


def test_telemetry_that_begins_in_the_middle_of_it_makes_it_less_certain(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, GROWTH)
    assert only(diagnose(made.world, "EDA801", lag_bound=6000).findings, "EDA801").verdict is SUSPECT


def test_of_a_consumer_that_tells_nothing_any_more_nothing_is_foretold(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, [*CALM, *GROWTH])
    made.billing.other("still here", 3 * 3600.0, 0.01)
    assert diagnose(made.world, "EDA801", lag_bound=6000).findings == ()


def _place() -> dict[str, str]:
    from .metrics import PLACE

    return dict(PLACE)
