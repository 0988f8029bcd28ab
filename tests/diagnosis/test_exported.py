"""Tables that `otel-eda export` wrote are read as the telemetry itself, alone or beside other telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from otel_eda import cli
from otel_eda.diagnosis import catalog, columns, engine
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import flow

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis


def diagnosed(*places: Path) -> Diagnosis:
    with Store() as store:
        store.read([Files(str(place)) for place in places])
        return engine.diagnose(store, catalog.checks(), Bounds(grace=0.0))


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    made = flow(40, 2, skip={12})
    failed = made.billing.process(made.messages[12], 1.21, error="KeyError")
    failed.json["events"] = [{"name": "eda.event.unhandled", "timeUnixNano": failed.json["endTimeUnixNano"]}]
    made.billing.receive(made.messages[20:24], 2.5)
    return made.world.write(tmp_path)


@pytest.fixture
def tables(telemetry: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    assert cli.main(["export", str(telemetry), "-o", f"{folder}/"]) == 0
    return folder


def test_a_folder_of_tables_is_diagnosed_as_the_telemetry_is(telemetry: Path, tables: Path) -> None:
    assert {path.stem for path in tables.iterdir()} == set(columns.TABLES)
    assert diagnosed(tables).findings == diagnosed(telemetry).findings != ()


def test_beside_the_telemetry_itself_each_span_counts_once(telemetry: Path, tables: Path) -> None:
    both, alone = diagnosed(tables, telemetry), diagnosed(telemetry)
    assert (both.findings, both.intake.spans) == (alone.findings, alone.intake.spans)
    assert both.intake.repeated > 0


@pytest.mark.parametrize("damaged", [True, False])
def test_parquet_that_is_no_table_of_ours_is_named_and_left_out(telemetry: Path, damaged: bool) -> None:
    other = telemetry.with_name("other.parquet")
    duckdb.sql(f"COPY (SELECT 1 AS one) TO '{other}' (FORMAT PARQUET)")
    if damaged:
        other.write_bytes(other.read_bytes()[:-9])
    diagnosis = diagnosed(telemetry, other)
    assert any("other.parquet holds no table" in note for note in diagnosis.intake.notes())
    assert diagnosis.intake.spans > 0
