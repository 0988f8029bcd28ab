"""What EDA203 (two owners at once) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, only

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
