"""What EDA503 (stuck handler) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import LIKELY, SUSPECT, counted_by_ledger, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_given_up_after_long(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, took=50.0, said={"eda.process.abandoned": True})
    finding = only(diagnose(made.world, "EDA503").findings, "EDA503")
    assert (finding.verdict, finding.offsets) == (SUSPECT, (6, 6))


def test_the_last_message_of_a_thread_that_it_has_settled(diagnose: Diagnose) -> None:
    made = flow(skip={12}, committed=6)
    made.billing.process(made.messages[12], 1.21, took=50.0, said={"eda.process.abandoned": True})
    made.billing.commit("orders", 1.3, 7)
    assert diagnose(made.world, "EDA503").findings == ()


def test_still_at_work(diagnose: Diagnose) -> None:
    made = flow()
    counted_by_ledger(made, "eda.consumer.in_flight_age", 40, "gauge")
    finding = only(diagnose(made.world, "EDA503").findings, "EDA503")
    assert (finding.verdict, finding.group) == (LIKELY, "billing")
    assert "at work for 40" in str(finding.detail)


@pytest.mark.parametrize(
    ("number", "took", "found"),
    [(4, 40, []), (12, 40, [LIKELY]), (12, 6, [LIKELY]), (12, 1, [])],
)
def test_still_at_work_beside_a_few(diagnose: Diagnose, number: int, took: int, found: list[Verdict]) -> None:
    made = flow(number)
    counted_by_ledger(made, "eda.consumer.in_flight_age", took, "gauge")
    assert [one.verdict for one in diagnose(made.world, "EDA503").findings] == found


def test_a_message_that_was_settled_may_be_done(diagnose: Diagnose) -> None:
    made = flow(skip={39})
    counted_by_ledger(made, "eda.consumer.in_flight_age", 40, "gauge")
    assert only(diagnose(made.world, "EDA503").findings, "EDA503").verdict is LIKELY
    made.billing.commit("orders", 30.0, 20, 1)
    assert only(diagnose(made.world, "EDA503").findings, "EDA503").verdict is SUSPECT


def test_the_next_attempt_at_it_may_be_long_too(diagnose: Diagnose) -> None:
    made = flow(skip={39})
    counted_by_ledger(made, "eda.consumer.in_flight_age", 13, "gauge")
    made.world.service("billing", group="billing").process(made.messages[39], 40.0, took=3.0)
    assert only(diagnose(made.world, "EDA503").findings, "EDA503").verdict is LIKELY


def test_what_a_process_was_at_when_it_was_killed_may_be_young(diagnose: Diagnose) -> None:
    made = flow()
    counted_by_ledger(made, "eda.consumer.in_flight_age", 2, "gauge")
    assert only(diagnose(made.world, "EDA503").findings, "EDA503").verdict is SUSPECT
