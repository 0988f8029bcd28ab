"""The benchmark of the whole pipeline, with few messages: everyone has a row, and all of their spans arrive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.programs import Way, run

if TYPE_CHECKING:
    from brokers.kafka import Kafka

ROOT = Path(__file__).parents[2]
FEW = ("--quick", "--rounds=1", "--messages=40", "--at-full-speed=40")
# Of the contenders that are always there; more are if they are installed.
EXPECTED = [
    "by hand, traces",
    "by hand, traces and metrics",
    "otel-eda, traces",
    "otel-eda, traces and metrics",
]


@pytest.mark.parametrize(("way", "protocol", "runs"), [("receive", "http", 1), ("send", "grpc", 0)])
def test_all_spans_of_everyone_arrive(kafka: Kafka, tmp_path: Path, way: str, protocol: str, runs: int) -> None:
    file = tmp_path / "figures.json"
    environ = {"PYTHONPATH": str(ROOT), "OTEL_EDA_TEST_KAFKA": kafka.address}
    options = (*FEW, f"--way={way}", f"--protocol={protocol}", f"--runs={runs}", f"--json={file}")
    outcome = run(Way((), environ), "-m", "bench.pipeline", *options, "kafka_python")
    assert outcome.status == 0, outcome.errors
    bare, *others = rows(file)
    assert (bare["contender"], bare["export"], bare["spans"]) == ("bare", "", 0)
    assert [row["contender"] for row in others if row["contender"] in EXPECTED] == EXPECTED
    assert {(row["export"], row["spans"], row["arrived"]) for row in others} == {(protocol, 1, 1)}
    assert {row["arrived at full speed"] for row in others} == {1 if runs else None}
    assert all(f"| kafka_python | {way} | {row['contender']} | {row['export']} |" in outcome.output for row in others)


def rows(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of figures, each by the names of its columns."""
    figures = json.loads(file.read_text("utf-8"))
    return [dict(zip(figures["columns"], row, strict=True)) for row in figures["rows"]]


def test_a_number_of_messages_that_cannot_be_is_refused() -> None:
    outcome = run(Way((), {"PYTHONPATH": str(ROOT)}), "-m", "bench.pipeline", "--at-full-speed=0")
    assert (outcome.status, outcome.output) == (2, "")
    assert "argument --at-full-speed: give a whole number above zero, not '0'" in outcome.errors
