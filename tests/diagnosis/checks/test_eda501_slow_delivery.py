"""What EDA501 (slow delivery) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import SECOND, flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, only, processed

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_above_the_usual(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 21.0)
    finding = only(diagnose(made.world, "EDA501").findings, "EDA501")
    assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))


def test_acknowledged_late(diagnose: Diagnose) -> None:
    made = flow()
    slow = made.messages[12].span.json
    slow["endTimeUnixNano"] = str(int(slow["startTimeUnixNano"]) + 3 * SECOND)  # given away before it was
    finding = only(diagnose(made.world, "EDA501").findings, "EDA501")
    assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))
    assert "the broker took longer" in finding.cause


def test_above_a_bound(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.9)
    assert only(diagnose(made.world, "EDA501", queue_bound=0.5).findings, "EDA501").verdict is CONFIRMED
    assert diagnose(made.world, "EDA501", queue_bound=5.0).findings == ()


def test_a_second_attempt_did_not_wait_and_may_look_like_the_first_where_attempts_are_missing(
    diagnose: Diagnose,
) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 21.0)
    processed(made, 41)
    assert only(diagnose(made.world, "EDA501").findings, "EDA501").verdict is SUSPECT
