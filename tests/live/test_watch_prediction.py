"""What is ahead is told while it comes: once, with a window of hours, and from readings that may come late."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from diagnosis.checks.metrics import around, hours, levels, rising
from diagnosis.telemetry import BEGIN, SECOND

from otel_eda.diagnosis.finding import Verdict

from .streams import Stream, Watched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from diagnosis.telemetry import Telemetry

MINUTE = 60.0


class Readings(Stream):
    """What metrics say, a minute after another."""

    def between(self, begin: float, end: float) -> Iterator[bytes]:
        """Give what arrives in a time."""
        for request in self.world.extra:
            cut = json.loads(json.dumps(request))
            gauge = cut["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["gauge"]
            gauge["dataPoints"] = [point for point in gauge["dataPoints"] if begin < _at(point) <= end]
            if gauge["dataPoints"]:
                yield json.dumps(cut).encode()


def _at(point: dict[str, Any]) -> float:
    return (int(point["timeUnixNano"]) - BEGIN) / SECOND


def growing() -> Telemetry:
    made = hours()
    levels(made.billing, "eda.consumer.lag", [*around(20, 60), *rising(40, 100, 20)])
    return made.world


@pytest.mark.parametrize(("window", "found"), [("2h", [("EDA801", Verdict.LIKELY)]), ("5m", [])])
def test_a_lag_that_will_reach_its_bound_is_told_once_and_before(
    window: str, found: list[tuple[str, Verdict]], tmp_path: Path
) -> None:
    options = ("--select", "EDA801", "--lag-bound", "6000", "--window", window)
    watched = Watched(Readings(growing()), tmp_path, *options)
    told = watched.until(100 * MINUTE, 5 * MINUTE)
    assert [(finding.code, finding.verdict) for finding in told] == found
