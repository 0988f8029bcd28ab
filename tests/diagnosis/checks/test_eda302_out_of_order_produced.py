"""What EDA302 (produced out of order) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, LIKELY, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_by_a_running_number(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("clicks", 5.0, 11, said={"eda.sender.sequence": 1})
    made.shop.send("clicks", 5.0, 10, said={"eda.sender.sequence": 2})
    finding = only(diagnose(made.world, "EDA302").findings, "EDA302")
    assert (finding.verdict, finding.offsets) == (CONFIRMED, (10, 10))


def test_by_the_times_of_the_calls(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("clicks", 5.0, 11, took=1.0)
    made.shop.send("clicks", 5.5, 10)
    assert only(diagnose(made.world, "EDA302").findings, "EDA302").verdict is LIKELY


def test_two_producers_have_no_order(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("clicks", 5.0, 11)
    made.world.service("shop").send("clicks", 5.5, 10)
    assert diagnose(made.world, "EDA302").findings == ()
