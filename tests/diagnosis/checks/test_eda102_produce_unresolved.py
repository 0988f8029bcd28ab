"""What EDA102 (produce unresolved) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_a_send_without_an_answer_is_told(diagnose: Diagnose) -> None:
    made = flow()
    lost = made.shop.send("orders", 5.0, error="eda.unresolved")
    finding = only(diagnose(made.world).findings, "EDA102")
    assert (finding.verdict, finding.trace_ids, finding.count) == (CONFIRMED, (lost.span.trace,), 1)


def test_an_application_that_stopped_waiting_is_told_so(diagnose: Diagnose) -> None:
    made = flow()
    given_up = made.shop.send("orders", 5.0, error="eda.unresolved")
    given_up.span.json["status"]["message"] = "nobody waits for the broker's answer any more"
    finding = only(diagnose(made.world).findings, "EDA102")
    assert "stopped waiting" in finding.cause


def test_a_message_that_arrived_is_not_unresolved(diagnose: Diagnose) -> None:
    made = flow()
    made.billing.process(made.shop.send("orders", 5.0, error="eda.unresolved"), 5.1)
    assert diagnose(made.world, "EDA102").findings == ()
