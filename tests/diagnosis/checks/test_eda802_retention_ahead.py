"""What EDA802 (retention will overtake) foretells, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .helpers import LIKELY, SUSPECT, only
from .metrics import around, hours, levels, rising

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose

LAG, MARGIN = "eda.consumer.lag", "eda.consumer.retention.margin"
CALM, LOST = around(90_000, 60, 0.02), [90_000 - value for value in rising(40, 1500)]


def test_the_broker_deletes_faster_than_the_group_reads(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, rising(100, 500))
    levels(made.billing, MARGIN, [*CALM, *LOST])
    finding = only(diagnose(made.world, "EDA802").findings, "EDA802")
    assert (finding.verdict, finding.group) == (LIKELY, "billing")
    assert "the broker will delete messages that it has not read between" in str(finding.detail)


def test_where_nothing_waits_all_may_be_deleted(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, [0.0] * 100)
    levels(made.billing, MARGIN, [*CALM, *LOST])
    assert diagnose(made.world, "EDA802").findings == ()


def test_a_member_in_whose_partitions_nothing_waits_hides_no_other(diagnose: Diagnose) -> None:
    made = hours()
    idle = made.world.service("billing", group="billing")
    levels(made.billing, LAG, rising(100, 500))
    levels(made.billing, MARGIN, [*CALM, *LOST])
    levels(idle, LAG, [float(minute % 2) for minute in range(100)])
    levels(idle, MARGIN, [200_000.0 if minute % 2 else None for minute in range(100)])
    assert only(diagnose(made.world, "EDA802").findings, "EDA802").verdict is LIKELY


def test_a_margin_of_which_it_is_not_known_whether_anything_waits(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, MARGIN, [*CALM, *LOST])
    assert diagnose(made.world, "EDA802").findings == ()


def test_a_margin_that_falls_by_segments_and_grows_again(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, around(50, 120))
    levels(made.billing, MARGIN, [20_000 + 1000 * (minute % 30) for minute in range(120)])
    assert diagnose(made.world, "EDA802").findings == ()


def test_without_its_past_it_is_only_suspected(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, LAG, rising(40, 500))
    levels(made.billing, MARGIN, LOST)
    assert only(diagnose(made.world, "EDA802").findings, "EDA802").verdict is SUSPECT
