"""What EDA203 (two owners at once) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_two_instances_at_once(diagnose: Diagnose) -> None:
    made = flow(skip={6})
    other = made.world.service("billing", group="billing")
    made.billing.process(made.messages[6], 1.0, took=2.0)
    other.process(made.messages[6], 2.0, took=2.0)
    finding = only(diagnose(made.world, "EDA203").findings, "EDA203")
    assert (finding.verdict, finding.offsets, finding.instances) == (CONFIRMED, (3, 3), ("billing-0", "billing-1"))


def test_one_after_the_other_is_none(diagnose: Diagnose) -> None:
    made = flow(skip={6})
    other = made.world.service("billing", group="billing")
    made.billing.process(made.messages[6], 1.0, took=1.0)
    other.process(made.messages[6], 2.0, took=1.0)
    assert diagnose(made.world, "EDA203").findings == ()


def test_who_has_no_message_of_its_own_may_work_for_the_other(diagnose: Diagnose) -> None:
    made = flow(skip={6})
    other = made.world.service("billing", group="billing")
    made.billing.process(made.messages[6], 1.0, took=2.0)
    other.process(made.messages[6], 2.0, took=0.5)
    assert only(diagnose(made.world, "EDA203").findings, "EDA203").verdict is SUSPECT
    made.works.append(other.process(made.shop.send("orders", 9.0, 20), 9.1))
    assert only(diagnose(made.world, "EDA203").findings, "EDA203").verdict is CONFIRMED


def test_a_call_that_was_given_up_may_have_waited_for_a_thread(diagnose: Diagnose) -> None:
    made = flow(skip={6})
    other = made.world.service("billing", group="billing")
    given_up = {"eda.process.abandoned": True, "eda.process.handed_over": True}
    made.billing.process(made.messages[6], 1.0, took=2.0, said=given_up)
    other.process(made.messages[6], 2.0, took=2.0)
    assert only(diagnose(made.world, "EDA203").findings, "EDA203").verdict is LIKELY
