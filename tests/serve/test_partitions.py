"""The partitions of a destination: also those of which nothing is processed, and that which has most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from diagnosis.telemetry import Telemetry

from otel_eda import semconv
from otel_eda.serve.questions import partitions as questions
from otel_eda.serve.questions.partitions import partitions
from serve.asked import START, asked, gauge, reading

if TYPE_CHECKING:
    from pathlib import Path

ASKED = {"seconds": 60, "destination": "orders"}


def lags(number: int, stuck: int) -> list[str]:
    service = Telemetry().service("billing", group="billing")
    levels = {partition: 50_000.0 if partition == stuck else 0.0 for partition in range(number)}
    return [gauge(service, semconv.LAG, [(9, lag)], **{semconv.PARTITION: str(at)}) for at, lag in levels.items()]


def worked(*at: int, instances: int = 1) -> Telemetry:
    """Return the telemetry of messages that are in those partitions, one after the other."""
    world = Telemetry()
    world.metrics = False
    shop = world.service("shop")
    billing = [world.service("billing", group="billing") for _ in range(instances)]
    for turn in range(60):
        message = shop.send("orders", turn * 0.1, turn, at[turn % len(at)])
        billing[turn % instances].process(message, turn * 0.1 + 0.01)
    return world


def told(folder: Path, lines: list[str]) -> Any:
    with reading(folder, lines) as reader:
        (group,) = partitions(reader, asked(20, **ASKED))["groups"]
    return group


@pytest.mark.parametrize(("at", "hot"), [((0,), {"0"}), ((0, 1), {"0", "1"}), (tuple(range(12)), set())])
def test_a_partition_of_which_nothing_is_processed_is_there(tmp_path: Path, at: tuple[int, ...], hot: set[str]) -> None:
    group = told(tmp_path, [*worked(*at).lines(), *lags(12, stuck=3)])
    found = {one["partition"]: one for one in group["partitions"]}
    assert list(found) == [str(number) for number in range(12)]
    assert (found["3"]["lag"], found["3"]["owner"]) == (50_000, "billing")
    assert {name for name, one in found.items() if one["hot"]} == hot
    assert sum(one["share"] for one in found.values()) == pytest.approx(1)


def test_a_group_that_processes_nothing_has_partitions(tmp_path: Path) -> None:
    group = told(tmp_path, lags(3, stuck=1))
    assert [(one["lag"], one["rate"], one["hot"]) for one in group["partitions"]] == [
        (0, 0.0, False), (50_000, 0.0, False), (0, 0.0, False),
    ]  # fmt: skip


def test_the_newest_owners_are_shown_and_the_others_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_OWNERS", 10)
    group = told(tmp_path, worked(0, instances=2).lines())
    assert (len(group["owners"]), group["left_off"]) == (10, {"owners": 50, "rebalances": 0})
    assert [round(one["since"] - START, 2) for one in group["owners"]][-1] == 5.91
