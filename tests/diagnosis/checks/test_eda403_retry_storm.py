"""What EDA403 (retry storm) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, LIKELY, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_repeats_without_delay(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    for turn in range(100):
        made.billing.process(made.messages[12], 1.3 + turn * 0.01, error="KeyError")
    finding = only(diagnose(made.world, "EDA403").findings, "EDA403")
    assert (finding.verdict, finding.count) == (CONFIRMED, 99)
    assert "put back at once" in finding.cause


def test_a_replay_of_everything_is_none(diagnose: Diagnose) -> None:
    made = flow()
    for turn, message in enumerate(made.messages):
        made.billing.process(message, 20 + turn * 0.1)
    assert diagnose(made.world, "EDA403").findings == ()


def test_a_batch_that_comes_again_and_again(diagnose: Diagnose) -> None:
    made = flow()
    loader = made.world.service("loader", group="loader")
    for turn in range(40):
        loader.receive(made.messages[:4:2], 20 + turn * 0.1)
    finding = only(diagnose(made.world, "EDA403").findings, "EDA403")
    assert (finding.verdict, finding.group, finding.count) == (LIKELY, "loader", 78)
