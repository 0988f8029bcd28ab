"""What EDA805 (poll limit ahead) foretells, and what it leaves alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from .helpers import LIKELY, SUSPECT, only
from .metrics import hours, levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnosis.conftest import Diagnose
    from diagnosis.telemetry import Flow

GROUP = {"messaging.system": "kafka", "messaging.consumer.group.name": "billing"}


def polling(ages: Sequence[float], limit: float | None = 300.0) -> Flow:
    """Return a consumer with such times since its last poll."""
    made = hours()
    levels(made.billing, "eda.consumer.poll.age", ages, GROUP)
    if limit is not None:
        levels(made.billing, "eda.consumer.poll.limit", [limit] * len(ages), GROUP)
    return made


def pauses(longest: Sequence[float], seed: int = 1) -> list[float]:
    """Return ages as they are read at any moment of pauses of that length."""
    luck = random.Random(seed)
    return [value * luck.uniform(0.4, 1.0) for value in longest]


CALM = pauses([20.0] * 120)


def test_pauses_that_grow(diagnose: Diagnose) -> None:
    made = polling([*CALM, *CALM, *pauses([20 + 1.2 * minute for minute in range(200)])])
    finding = only(diagnose(made.world, "EDA805").findings, "EDA805")
    assert (finding.verdict, finding.group) == (LIKELY, "billing")
    assert "it takes ever longer between two polls" in str(finding.detail)
    assert "its limit of 300.0 s" in str(finding.detail)


def test_a_consumer_that_has_stopped_to_poll(diagnose: Diagnose) -> None:
    made = polling([*CALM, *(60.0 * minute for minute in range(1, 14))], limit=1500.0)
    finding = only(diagnose(made.world, "EDA805").findings, "EDA805")
    assert finding.verdict is LIKELY
    assert "it has not polled for 780.0 s" in str(finding.detail)


def test_three_readings_tell_of_a_pause_that_is_longer_than_all_before(diagnose: Diagnose) -> None:
    now = [60.0, 120.0, 180.0]
    found = diagnose(polling([*CALM, *now]).world, "EDA805").findings
    assert "it has not polled for 180.0 s" in str(only(found, "EDA805").detail)
    assert diagnose(polling([*CALM, 60.0, 100.0, *CALM, *now]).world, "EDA805").findings == ()


def test_long_work_that_it_has_done_in_time_before(diagnose: Diagnose) -> None:
    batch = [60.0 * minute for minute in range(1, 18)]
    assert diagnose(polling([*CALM, *batch, *CALM, *batch[:13]], limit=1500.0).world, "EDA805").findings == ()


def test_a_consumer_of_which_no_limit_is_known(diagnose: Diagnose) -> None:
    assert diagnose(polling([*CALM, *(60.0 * minute for minute in range(1, 14))], None).world, "EDA805").findings == ()


def test_pauses_far_below_the_limit(diagnose: Diagnose) -> None:
    assert diagnose(polling(CALM * 3).world, "EDA805").findings == ()


def test_without_its_past_it_is_only_suspected(diagnose: Diagnose) -> None:
    made = polling([60.0 * minute for minute in range(1, 14)], limit=1500.0)
    assert only(diagnose(made.world, "EDA805").findings, "EDA805").verdict is SUSPECT
