"""What EDA803 (backlog stays) foretells, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .helpers import BILLING, LIKELY, SUSPECT, only
from .metrics import around, hours, levels, rising, worked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnosis.conftest import Diagnose
    from diagnosis.telemetry import Flow

GROUP = {"messaging.system": "kafka", "messaging.consumer.group.name": "billing"}
CALM = around(20, 90)


def working(lag: Sequence[float | None], partitions: int = 8, number: float = 600.0) -> Flow:
    """Return one member that processes so many messages a minute, with a lag."""
    made = hours()
    levels(made.billing, "eda.consumer.lag", lag)
    levels(made.billing, "eda.consumer.partition.count", [float(partitions)] * len(lag), GROUP)
    worked(made.billing, around(number, len(lag)), [50.0] * len(lag))
    return made


def test_more_come_than_are_processed(diagnose: Diagnose) -> None:
    made = working([*CALM, *rising(40, 900)])
    finding = only(diagnose(made.world, "EDA803").findings, "EDA803")
    assert (finding.verdict, finding.destination, finding.group) == (LIKELY, "orders", "billing")
    # 15 a second more than the 10 that it does: two and a half of its kind, and a tenth.
    assert "1 members do" in str(finding.detail)
    assert "3 members would do" in str(finding.detail)
    assert "add members" in finding.action


def test_more_come_than_all_possible_members_would_process(diagnose: Diagnose) -> None:
    made = working([*CALM, *rising(40, 900)], partitions=2)
    finding = only(diagnose(made.world, "EDA803").findings, "EDA803")
    assert "so many as there are partitions, 2, would not do" in str(finding.detail)
    assert "more partitions" in finding.action


def test_a_lag_that_ends_only_after_hours(diagnose: Diagnose) -> None:
    falling = [60_000 - value for value in rising(60, 100)]
    made = working([*CALM, *falling])
    assert "they will be done between" in str(only(diagnose(made.world, "EDA803").findings, "EDA803").detail)
    assert diagnose(made.world, "EDA803", catch_up=24 * 3600.0).findings == ()


def test_a_lag_that_ends_soon(diagnose: Diagnose) -> None:
    assert diagnose(working([*CALM, *(9000 - value for value in rising(60, 100))]).world, "EDA803").findings == ()


def test_a_lag_that_it_has_had_and_worked_off(diagnose: Diagnose) -> None:
    peak = rising(50, 900)
    assert diagnose(working([*CALM, *peak, *peak[::-2], *CALM, *peak[:40]]).world, "EDA803").findings == ()


@pytest.mark.parametrize("without", ["members", "work"])
def test_without_one_of_its_facts_nothing_is_said(without: str, diagnose: Diagnose) -> None:
    made = hours()
    lag = [*CALM, *rising(40, 900)]
    levels(made.billing, "eda.consumer.lag", lag, BILLING)
    if without == "members":
        worked(made.billing, around(600, len(lag)), [50.0] * len(lag))
    else:
        levels(made.billing, "eda.consumer.partition.count", [8.0] * len(lag), GROUP)
    assert diagnose(made.world, "EDA803").findings == ()


def test_missing_readings_make_it_less_certain(diagnose: Diagnose) -> None:
    lag = [None if turn > 90 and turn % 4 == 1 else value for turn, value in enumerate([*CALM, *rising(40, 900)])]
    assert only(diagnose(working(lag).world, "EDA803").findings, "EDA803").verdict is SUSPECT
