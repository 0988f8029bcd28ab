"""Spark, with a master and two workers, finds what DuckDB finds: by command, over what `otel-eda export` wrote.

All checks take Spark a quarter of an hour on two cores, so three are asked, unless `OTEL_EDA_TEST_SPARK=all`: one that
joins, one with a median, and one that asks all destinations.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.diagnosis import CLEAN, UNUSABLE, catalog

from .cluster import started

pytest.importorskip("pyspark")
pytest.importorskip("sqlglot")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEW = ("EDA106", "EDA502", "EDA702")
ALL = os.environ.get("OTEL_EDA_TEST_SPARK") == "all"
pytestmark = pytest.mark.timeout(3600 if ALL else 400)
PROGRAM = "import sys; from otel_eda.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    with started(tmp_path_factory.mktemp("spark")) as running:
        yield running


def diagnosed(*sources: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    options = ["--grace", "0", "--format", "json", "--fail-on", "never"]
    options += [] if ALL else [word for code in FEW for word in ("--select", code)]
    command = [sys.executable, "-c", PROGRAM, "diagnose", *sources, *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_spark_finds_what_duckdb_finds(spark: tuple[str, dict[str, str]], exported: Path) -> None:
    expected: dict[str, Any] = json.loads(diagnosed(str(exported)).stdout)
    url, environment = spark
    done = diagnosed(url, str(exported), environment=environment)
    assert done.returncode == CLEAN, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    for code in [check.code for check in catalog.checks()] if ALL else FEW:
        mine = [finding for finding in found["findings"] if finding["code"] == code]
        assert mine == [finding for finding in expected["findings"] if finding["code"] == code], code
        assert mine
    assert found == expected


def test_a_folder_without_tables_is_named_in_one_line(spark: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    url, environment = spark
    done = diagnosed(url, str(tmp_path), environment=environment)
    assert done.returncode == UNUSABLE
    assert "no operations.parquet in it" in done.stderr.splitlines()[-1]
