"""What EDA303 (key moved) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import LIKELY, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


@pytest.mark.parametrize(
    ("times", "cause"), [((1, 2, 3, 4), "number of partitions"), ((1, 3, 2, 4), "several partitions")]
)
def test_to_another_partition(diagnose: Diagnose, times: tuple[int, ...], cause: str) -> None:
    made = flow()
    for turn, at in enumerate(times):
        made.shop.send("clicks", at, at, turn // 2, said={"eda.message.key.hash": "k"})
        for other in range(5):  # whose partition stays the same
            made.shop.send("clicks", at, 10 * at + other, 0, said={"eda.message.key.hash": f"k{other}"})
    finding = only(diagnose(made.world, "EDA303").findings, "EDA303")
    assert (finding.verdict, finding.key) == (LIKELY, "k")
    assert cause in finding.cause


def test_two_services_that_choose_differently(diagnose: Diagnose) -> None:
    made = flow()
    other = made.world.service("web")
    for turn in range(4):
        (made.shop, other)[turn % 2].send("clicks", 1.0 + turn, turn, turn % 2, said={"eda.message.key.hash": "k"})
    finding = only(diagnose(made.world, "EDA303").findings, "EDA303")
    assert finding.verdict is LIKELY
    assert "differently" in finding.cause
