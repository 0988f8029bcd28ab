"""One data set, every engine: the same findings, with the same evidence, as certain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis import catalog, columns, engine
from otel_eda.diagnosis.settings import Bounds

pytest.importorskip("sqlglot")
from otel_eda.diagnosis.engines.clickhouse import ClickHouseTables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store

    from .conftest import Server

pytestmark = pytest.mark.timeout(300)
CHECKS = catalog.checks()
BOUNDS = Bounds(grace=0.0, lag_bound=6000, depth_bound=6000)


@pytest.fixture(scope="module")
def expected(worlds: Store) -> Diagnosis:
    return engine.diagnose(worlds, CHECKS, BOUNDS)


@pytest.fixture(scope="module")
def clickhouse(worlds: Store, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseTables]:
    folder = tmp_path_factory.mktemp("tables")
    with server.client() as client:
        tables = ClickHouseTables(client, worlds.intake)
        for table, every in columns.TABLES.items():
            names = ", ".join(column.name for column in every)
            tables.execute(f"CREATE TABLE {table} ({', '.join(f'{column.name} {column.type}' for column in every)})")
            _fill(worlds, table, names, folder / f"{table}.parquet", tables)
        yield tables


def _fill(worlds: Store, table: str, names: str, path: Path, tables: ClickHouseTables) -> None:
    worlds.execute(f"COPY {table} TO '{path}' (FORMAT parquet)")
    tables.client.command(f"INSERT INTO {table} ({names}) SELECT {names} FROM file('{path}', Parquet)")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_there_is_something_to_find_for_every_check(check: catalog.Check, expected: Diagnosis) -> None:
    assert [finding for finding in expected.findings if finding.code == check.code]


def test_nothing_is_foretold_of_the_minutes_that_the_exam_has(expected: Diagnosis) -> None:
    worlds = {str(one.service).partition(".")[0] for one in expected.findings if one.code.startswith("EDA8")}
    assert len(worlds) == 1  # the one that was made for it


def test_clickhouse_finds_what_duckdb_finds(clickhouse: ClickHouseTables, expected: Diagnosis) -> None:
    found = engine.diagnose(clickhouse, CHECKS, BOUNDS)
    for check in CHECKS:
        mine = [finding for finding in found.findings if finding.code == check.code]
        assert mine == [finding for finding in expected.findings if finding.code == check.code], check.code
    assert found == expected
