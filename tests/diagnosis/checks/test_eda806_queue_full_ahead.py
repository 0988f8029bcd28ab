"""What EDA806 (queue will be full) foretells, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .helpers import LIKELY, SUSPECT, only
from .metrics import around, hours, levels, rising

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose

DEPTH = "eda.queue.depth"
QUEUE = {"messaging.system": "rabbitmq", "messaging.destination.name": "orders"}
CALM, GROWTH = around(20, 120), rising(40, 100, 20)


def test_a_queue_that_fills(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, DEPTH, [*CALM, *GROWTH], QUEUE)
    finding = only(diagnose(made.world, "EDA806", depth_bound=6000).findings, "EDA806")
    assert (finding.verdict, finding.destination, finding.system) == (LIKELY, "orders", "rabbitmq")
    assert "messages, and will hold 6000 between" in str(finding.detail)


def test_what_several_consumers_tell_of_one_queue_is_one_depth(diagnose: Diagnose) -> None:
    made = hours()
    for service in (made.billing, made.world.service("billing", group="billing")):
        levels(service, DEPTH, [*CALM, *GROWTH], QUEUE)
    assert only(diagnose(made.world, "EDA806", depth_bound=6000).findings, "EDA806").count == pytest.approx(
        4000, rel=0.1
    )


def test_without_a_limit_it_is_only_suspected(diagnose: Diagnose) -> None:
    made = hours()
    levels(made.billing, DEPTH, [*CALM, *rising(12, 55, 20)], QUEUE)
    assert only(diagnose(made.world, "EDA806").findings, "EDA806").verdict is SUSPECT


def test_a_queue_that_fills_and_empties(diagnose: Diagnose) -> None:
    made = hours()
    peak = rising(50, 100, 20)
    levels(made.billing, DEPTH, [*CALM, *peak, *peak[::-2], *CALM, *GROWTH], QUEUE)
    assert diagnose(made.world, "EDA806", depth_bound=6000).findings == ()
