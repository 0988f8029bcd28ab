"""How far groups are behind: a sum is shown where all who have a share of it are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from diagnosis.telemetry import Telemetry

from otel_eda import semconv
from otel_eda.serve.questions.lag import lag
from serve.asked import START, asked, gauge, reading

if TYPE_CHECKING:
    from pathlib import Path

PARTITION = semconv.PARTITION


def told(folder: Path, lines: list[str], now: float, seconds: float) -> Any:
    with reading(folder, lines) as reader:
        (series,) = lag(reader, asked(now, seconds=seconds))["series"]
    return series


def test_processes_that_export_at_other_seconds_are_added_up(tmp_path: Path) -> None:
    world = Telemetry()
    one, other = (world.service("billing") for _ in range(2))
    lines = [
        *(gauge(one, semconv.LAG, [(at, 1000)], **{PARTITION: "0"}) for at in range(0, 1200, 60)),
        *(gauge(other, semconv.LAG, [(at + 25, 200)], **{PARTITION: "1"}) for at in range(0, 1200, 60)),
        *(gauge(one, semconv.LAG_TIME, [(at, 90)], **{PARTITION: "0"}) for at in range(0, 1200, 60)),
        *(gauge(other, semconv.LAG_TIME, [(at + 25, 2)], **{PARTITION: "1"}) for at in range(0, 1200, 60)),
    ]
    series = told(tmp_path, lines, 1215, 900)
    assert {point[1:3] for point in series["points"]} == {(1200, 90)}
    assert len(series["points"]) >= 84  # all but the running minute
    assert series["forecast"]["says"] == "in 5 min likely 1,200 messages"


@pytest.mark.parametrize("partition", ["0", None])
@pytest.mark.parametrize("seconds", [900, 86400])
def test_lag_that_changes_hands_is_there_once(tmp_path: Path, partition: str | None, seconds: float) -> None:
    world = Telemetry()
    one, other = (world.service("billing") for _ in range(2))
    said = {PARTITION: partition}
    lines = [
        gauge(one, semconv.LAG, [(at, 1000) for at in range(0, 3600, 10)], **said),
        gauge(other, semconv.LAG, [(at, 1000) for at in range(3600, 7200, 10)], **said),
    ]
    series = told(tmp_path, lines, 4200 if seconds == 900 else 7200, seconds)
    assert {point[1] for point in series["points"]} - {None} == {1000}
    assert len([point for point in series["points"] if point[1] is None]) <= 2


def test_where_one_of_two_does_not_report_the_sum_is_not_known(tmp_path: Path) -> None:
    world = Telemetry()
    one, other = (world.service("billing") for _ in range(2))
    lines = [
        gauge(one, semconv.LAG, [(at, 1000) for at in range(0, 900, 10)], **{PARTITION: "0"}),
        gauge(other, semconv.LAG, [(at, 200) for at in range(0, 900, 10) if not 300 <= at < 400], **{PARTITION: "1"}),
    ]
    series = told(tmp_path, lines, 900, 900)
    missing = [round(point[0] - START) for point in series["points"] if point[1] is None]
    assert missing == list(range(300, 400, 10))
    assert {point[1] for point in series["points"]} == {1200, None}
