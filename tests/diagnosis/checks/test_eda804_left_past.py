"""What EDA804 (left its own past) finds, since when, and what it leaves alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import BEGIN, SECOND

from .helpers import LIKELY, SUSPECT, only
from .metrics import around, hours, sent, worked

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Finding

DAY = 1440


def days(number: int, mean: float = 600.0, swing: float = 0.6) -> list[float]:
    """Return what comes in each minute of some days."""
    phases = (2 * math.pi * minute / DAY for minute in range(number * DAY))
    return [
        value * (1 + swing * math.sin(phase)) for value, phase in zip(around(mean, number * DAY), phases, strict=True)
    ]


def began(finding: Finding) -> float:
    """Return the minute in which the change began."""
    assert finding.first_time is not None
    return (finding.first_time - BEGIN) / SECOND / 60


def test_processing_that_is_slower_since_a_deploy(diagnose: Diagnose) -> None:
    made = hours()
    seconds = [*around(13, 120, 0.1), *around(50, 30, 0.1)]
    worked(made.billing, around(600, 150), seconds)
    finding = only(diagnose(made.world, "EDA804").findings, "EDA804")
    assert (finding.verdict, finding.group) == (LIKELY, "billing")
    assert "UTC processing takes 8" in str(finding.detail)
    assert "ms were usual" in str(finding.detail)
    assert began(finding) == pytest.approx(121, abs=3)


def test_attempts_that_fail_more_often(diagnose: Diagnose) -> None:
    made = hours()
    worked(made.billing, [*around(600, 120), *around(480, 20)], [10.0] * 140)
    worked(made.billing, [*around(3, 120), *around(120, 20)], [1.0] * 140, error="KeyError")
    finding = only(diagnose(made.world, "EDA804").findings, "EDA804")
    assert finding.verdict is LIKELY
    assert " % of the attempts fail" in str(finding.detail)
    assert "EDA401" in finding.action


def test_traffic_that_doubles_is_known_by_the_days_before(diagnose: Diagnose) -> None:
    made = hours()
    usual = days(4)
    sent(made.shop, [value * (2 if minute > 4 * DAY - 60 else 1) for minute, value in enumerate(usual)])
    finding = only(diagnose(made.world, "EDA804").findings, "EDA804")
    assert (finding.verdict, finding.destination) == (LIKELY, "orders")
    assert "messages a second come" in str(finding.detail)
    assert began(finding) == pytest.approx(4 * DAY - 60, abs=15)


def test_less_traffic_may_be_a_weekend(diagnose: Diagnose) -> None:
    made = hours()
    sent(made.shop, [value * (0.2 if minute > 4 * DAY - 90 else 1) for minute, value in enumerate(days(4))])
    assert only(diagnose(made.world, "EDA804").findings, "EDA804").verdict is SUSPECT


def test_nights_are_usual(diagnose: Diagnose) -> None:
    made = hours()
    sent(made.shop, days(4, swing=0.9))
    assert diagnose(made.world, "EDA804").findings == ()


def test_a_restart_is_no_change(diagnose: Diagnose) -> None:
    made = hours()
    sent(made.shop, around(600, 150), restarts=(50, 100, 140))
    worked(made.billing, around(600, 150), around(13, 150), restarts=(30, 141))
    assert diagnose(made.world, "EDA804").findings == ()


def test_a_counter_that_counts_from_reading_to_reading_is_the_same(diagnose: Diagnose) -> None:
    counts, seconds = [600.0] * 150, [*around(13, 120, 0.1), *around(50, 30, 0.1)]
    found = []
    for delta in (False, True):
        made = hours()
        worked(made.billing, counts, seconds, delta=delta)
        found.append(only(diagnose(made.world, "EDA804").findings, "EDA804"))
    assert found[0].detail == found[1].detail
    assert found[0].first_time == found[1].first_time


def test_a_process_that_does_not_report_is_no_fall(diagnose: Diagnose) -> None:
    made = hours()
    other = made.world.service("shop")
    sent(made.shop, around(600, 150))
    sent(other, around(600, 120))
    found = diagnose(made.world, "EDA804").findings
    assert [finding for finding in found if finding.verdict > SUSPECT] == []


def test_ten_minutes_are_no_past(diagnose: Diagnose) -> None:
    made = hours()
    worked(made.billing, around(600, 16), [*around(13, 8), *around(60, 8)])
    assert diagnose(made.world, "EDA804").findings == ()
