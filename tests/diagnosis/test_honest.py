"""Honest worlds that look like faults: nothing about them is proven, whatever part of their telemetry is there."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis.finding import Verdict

from .honest import calls, copies, places, sending, unseen, waiting, working
from .honest.world import WORLDS

if TYPE_CHECKING:
    from .conftest import Diagnose

assert all((calls, copies, places, sending, unseen, waiting, working))


@pytest.mark.parametrize("name", WORLDS)
def test_nothing_is_proven(diagnose: Diagnose, name: str) -> None:
    build, codes = WORLDS[name]
    found = diagnose(build(), *codes, queue_bound=500.0).findings
    assert [finding for finding in found if finding.verdict is Verdict.CONFIRMED] == []


@pytest.mark.parametrize("name", WORLDS)
def test_nothing_is_proven_by_a_part(diagnose: Diagnose, name: str) -> None:
    build, codes = WORLDS[name]
    world, luck = build(), random.Random(name)
    for service in world.services:
        service.spans = [span for span in service.spans if luck.random() < 0.7]
    world.metrics = luck.random() < 0.5
    found = diagnose(world, *codes, queue_bound=500.0).findings
    assert [finding for finding in found if finding.verdict is Verdict.CONFIRMED] == []
