"""What EDA601 (hot partition) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import Telemetry

from .helpers import CONFIRMED, LIKELY, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def loaded(hot: int) -> Telemetry:
    world = Telemetry()
    shop = world.service("shop")
    offsets = [0] * 8
    for turn in range(1200):
        partition = 3 if turn % 10 < hot else turn % 8
        shop.send("clicks", turn * 0.001, offsets[partition], partition)
        offsets[partition] += 1
    return world


def test_most_of_the_messages(diagnose: Diagnose) -> None:
    finding = only(diagnose(loaded(7), "EDA601").findings, "EDA601")
    assert (finding.verdict, finding.partition) == (LIKELY, "3")


@pytest.mark.parametrize(("others", "cause"), [(5, "few keys"), (100, "one key")])
def test_by_one_key(others: int, cause: str, diagnose: Diagnose) -> None:
    world = Telemetry()
    shop = world.service("shop")
    for turn in range(1200):
        hot = turn % 10 < 9
        key, partition = ("hot", 3) if hot else (f"key-{turn % others}", turn // 10 % 4)
        shop.send("clicks", turn * 0.001, turn, partition, said={"eda.message.key.hash": key})
    finding = only(diagnose(world, "EDA601").findings, "EDA601")
    assert (finding.verdict, finding.partition, finding.key) == (CONFIRMED, "3", "hot")
    assert cause in finding.cause
    assert str(finding.detail).endswith("1080 of one key")


def test_an_even_load_is_none(diagnose: Diagnose) -> None:
    assert diagnose(loaded(0), "EDA601").findings == ()
