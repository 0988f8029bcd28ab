"""A part of the lab on every run of the tests; `make faultlab` plays the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faultlab.play import scenarios, score
from faultlab.stage import Lab

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.kafka import Kafka

CHOSEN = (
    "faulty/crash_after_commit",
    "faulty/crash_before_commit",
    "faulty/poison_message",
    "faulty/seek_over",
    "faulty/thread_pool",
    "sound/filters",
    "sound/transactions",
)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", CHOSEN)
def test_what_happened_is_found_and_nothing_else(name: str, kafka: Kafka, tmp_path: Path) -> None:
    (scenario,) = scenarios([name])
    with Lab(tmp_path, kafka) as lab:
        found = score(lab, scenario, tmp_path / "run")
    assert found.notes == []


def test_every_scenario_says_what_happens_in_it() -> None:
    every = scenarios()
    assert {*CHOSEN} <= {scenario.name for scenario in every}
    assert all(scenario.about.endswith(".") for scenario in every)
