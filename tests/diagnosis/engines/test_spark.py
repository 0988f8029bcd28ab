"""Spark, with a master and two workers, finds what DuckDB finds: by command, over what `otel-eda export` wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.cli import main
from otel_eda.diagnosis import CLEAN, UNUSABLE
from otel_eda.jobs import spark_submit

from .cluster import started
from .conftest import CHECKS

pyspark = pytest.importorskip("pyspark")
pytest.importorskip("sqlglot")

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(900)  # on a busy machine
PROGRAM = "import sys; from otel_eda.cli import main; sys.exit(main(sys.argv[1:]))"
OPTIONS = ["--grace", "0", "--lag-bound", "6000", "--depth-bound", "6000", "--format", "json", "--fail-on", "never"]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    with started(tmp_path_factory.mktemp("spark")) as running:
        yield running


def diagnosed(*sources: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, "diagnose", *sources, *OPTIONS]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_spark_finds_what_duckdb_finds(spark: tuple[str, dict[str, str]], exported: Path) -> None:
    expected: dict[str, Any] = json.loads(diagnosed(str(exported)).stdout)
    url, environment = spark
    done = diagnosed(url, str(exported), environment=environment)
    assert done.returncode == CLEAN, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    for check in CHECKS:
        mine, theirs = ([one for one in each["findings"] if one["code"] == check.code] for each in (found, expected))
        assert mine == theirs, check.code
        assert mine
    assert found == expected


def test_a_job_names_a_folder_without_tables_in_one_line(spark: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    program = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    command = [str(program), "--master", "local[1]", str(spark_submit.__file__), str(tmp_path)]
    done = subprocess.run(command, env=spark[1], capture_output=True, text=True, check=False)
    assert done.returncode == UNUSABLE, done.stderr[-3000:]
    assert "no operations.parquet in it" in done.stdout  # where Spark puts all that its program says


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("diagnose", "spark://there:7077"), "its URL and one folder"),
        (("diagnose", "spark://there:7077", "spark://here:7077"), "its URL and one folder"),
        (("diagnose", "lake", "spark://there:7077", "--since", "1h"), "whole: no --service, --since"),
        (("diagnose", "lake", "spark://there:7077", "--buckets", "4"), "read to this machine"),
        (("trace", "orders/0/6", "spark://there:7077", "lake"), "only `otel-eda diagnose` asks Spark"),
    ],
)
def test_what_does_not_go_with_spark(words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words]) == UNUSABLE
    assert why in capsys.readouterr().err
