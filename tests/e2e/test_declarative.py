"""The SDK's declarative file configures otel-eda too, whoever has the SDK read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.programs import launched, run

from otel_eda import suite

if TYPE_CHECKING:
    from support.programs import Outcome

PROGRAM = Path(__file__).parent / "programs" / "declared.py"
FILE = """
file_format: "1.0"
instrumentation/development:
  python:
    eda:
      trust: {trust}
      capture_headers: [x-tenant, x-region]
      partition_metrics: true
"""


def declared(folder: Path, trust: str, *arguments: str) -> Outcome:
    file = folder / "otel.yaml"
    file.write_text(FILE.format(trust=trust), encoding="ascii")
    nowhere = {"OTEL_CONFIG_FILE": str(file), "OTEL_EDA_TRUST": "parent", "OTEL_EDA_RECEIVE_SPANS": "all"}
    return run(launched("http://127.0.0.1:1", **nowhere), PROGRAM, *arguments)


def complaints(outcome: Outcome) -> list[str]:
    # The SDK's own configurator says each time what it does not take from the launcher.
    return [line for line in outcome.errors.splitlines() if "ignoring configurator kwargs" not in line]


@pytest.mark.parametrize("arguments", [(), ("auto",)], ids=["launcher", "and the first line"])
def test_the_file_counts_before_variables(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    outcome = declared(tmp_path, "drop", *arguments)
    found: dict[str, Any] = json.loads(outcome.output)
    assert found["on"] == sorted(suite.LIBRARIES)
    assert (found["trust"], found["partition_metrics"]) == ("drop", True)
    assert found["capture_headers"] == ["x-tenant", "x-region"]
    assert found["receive_spans"] == "all"  # of which the file does not speak
    assert complaints(outcome) == []


def test_a_wrong_value_in_the_file_gets_a_line_and_the_rest_counts(tmp_path: Path) -> None:
    outcome = declared(tmp_path, "nobody")
    found: dict[str, Any] = json.loads(outcome.output)
    assert (found["trust"], found["partition_metrics"]) == ("parent", True)
    (line,) = complaints(outcome)
    assert "trust='nobody' is not understood: use one of parent, link, drop" in line
