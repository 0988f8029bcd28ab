"""What EDA303 (key moved) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


@pytest.mark.parametrize(("times", "cause"), [((1, 2, 3, 4), "number of partitions"), ((1, 3, 2, 4), "differently")])
def test_to_another_partition(diagnose: Diagnose, times: tuple[int, ...], cause: str) -> None:
    made = flow()
    for turn, at in enumerate(times):
        made.shop.send("clicks", at, at, turn // 2, said={"eda.message.key.hash": "k"})
    finding = only(diagnose(made.world, "EDA303").findings, "EDA303")
    assert (finding.verdict, finding.key) == (CONFIRMED, "k")
    assert cause in finding.cause
