"""What EDA502 (slow handler) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_because_of_a_child(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    slow = made.billing.process(made.messages[12], 1.21, took=8.0)
    made.billing.other("POST /charge", 1.3, 7.0, slow, kind=3)
    finding = only(diagnose(made.world, "EDA502").findings, "EDA502")
    assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))
    assert "POST /charge" in str(finding.detail)
    assert only(diagnose(made.world, "EDA502", handler_bound=2.0).findings, "EDA502").verdict is CONFIRMED


def test_a_wait_for_a_worker_is_no_handling(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, took=8.0, said={"eda.process.wait": 7.99})
    assert diagnose(made.world, "EDA502").findings == ()


def test_what_was_settled_early_or_pulled_last_may_be_done_long_since(diagnose: Diagnose) -> None:
    made = flow(skip={12, 39})
    settled = made.billing.process(made.messages[12], 1.21, took=8.0)
    made.billing.commit("orders", 1.22, 7).json |= {"traceId": settled.trace, "parentSpanId": settled.id}
    made.billing.process(made.messages[39], 20.0, took=8.0)
    assert only(diagnose(made.world, "EDA502").findings, "EDA502").verdict is SUSPECT


def test_slow_for_a_while(diagnose: Diagnose) -> None:
    made = flow(60, 1, skip=set(range(40, 60)))
    for turn in range(40, 60):
        made.billing.process(made.messages[turn], turn * 0.4, took=0.3)
    finding = only(diagnose(made.world, "EDA502").findings, "EDA502")
    assert (finding.verdict, finding.offsets) == (LIKELY, (40, 59))


def test_a_pause_that_holds_up_all_that_is_at_work_is_none(diagnose: Diagnose) -> None:
    made = flow(60, 1, skip=set(range(40, 60)))
    for turn in range(40, 60):
        made.billing.process(made.messages[turn], 6.0 + turn * 0.001, took=0.3)
    assert diagnose(made.world, "EDA502").findings == ()


def test_every_tenth_is_more_work(diagnose: Diagnose) -> None:
    made = flow(60, 1, skip=set(range(0, 60, 10)))
    for turn in range(0, 60, 10):
        made.billing.process(made.messages[turn], turn * 0.1 + 0.01, took=0.3)
    assert diagnose(made.world, "EDA502").findings == ()
