"""What EDA404 (routing loop) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, LIKELY, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_round_and_round(diagnose: Diagnose) -> None:
    made = flow()
    message = made.shop.send("retry", 5.0, 0)
    for turn in range(1, 8):
        span = made.billing.process(message, 5.0 + turn * 0.1)
        message = made.billing.send("retry", 5.0 + turn * 0.1, turn, parent=span)
    finding = only(diagnose(made.world, "EDA404").findings, "EDA404")
    assert (finding.verdict, finding.service, finding.destination) == (LIKELY, "billing", "retry")
    assert "came back 6 times" in str(finding.detail)


def test_many_messages_of_one_handler_are_none(diagnose: Diagnose) -> None:
    made = flow()
    span = made.billing.process(made.shop.send("orders", 5.0, 50), 5.1)
    for turn in range(20):
        inner = made.billing.other(f"item {turn}", 5.2, 0.1, span)
        made.billing.send("items", 5.2, turn, parent=inner)
    assert diagnose(made.world, "EDA404").findings == ()


def test_a_bound_makes_it_proof(diagnose: Diagnose) -> None:
    made = flow()
    message = made.shop.send("retry", 5.0, 0)
    for turn in range(1, 8):
        span = made.billing.process(message, 5.0 + turn * 0.1)
        message = made.billing.send("retry", 5.0 + turn * 0.1, turn, parent=span)
    assert only(diagnose(made.world, "EDA404", loop=5).findings, "EDA404").verdict is CONFIRMED
    assert diagnose(made.world, "EDA404", loop=10).findings == ()


@pytest.mark.parametrize(("fails", "found"), [("billing", 0), ("clerk", 1)])
def test_what_a_service_sends_again_after_its_own_failure_is_a_retry(
    diagnose: Diagnose, fails: str, found: int
) -> None:
    made = flow()
    clerk = made.world.service("clerk", group="clerk")
    message = made.shop.send("later", 5.0, 0)
    for turn in range(1, 8):
        at = 5.0 + turn * 0.2
        span = made.billing.process(message, at, error="Locked" if fails == "billing" else None)
        dead = made.billing.send("failed", at, turn, parent=span)
        error = "Unknown" if fails == "clerk" else None
        worker = made.billing if fails == "billing" else clerk
        again = worker.process(dead, at + 0.1, error=error)
        message = made.billing.send("later", at + 0.1, turn, parent=again)
    findings = diagnose(made.world, "EDA404").findings
    assert len([one for one in findings if one.destination == "later"]) == found
