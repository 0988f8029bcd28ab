"""One data set, every engine: the same findings, with the same evidence, as certain.

Here are DuckDB and the distributed plans of ClickHouse; others are in `test_mode_write`, `test_buckets`, `test_spark`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis import catalog, columns, engine

from .conftest import BOUNDS, CHECKS, same

pytest.importorskip("sqlglot")
from clickhouse_connect.driver.exceptions import DatabaseError

from otel_eda.diagnosis.engines.clickhouse import ClickHouseTables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis

    from .conftest import Server

pytestmark = pytest.mark.timeout(600)  # on a busy machine
# A plan that has a step for one machine alone is refused; each exchange between the parts of others is executed.
DISTRIBUTED = {
    "make_distributed_plan": 1,
    "distributed_plan_execute_locally": 1,
    "distributed_plan_fallback_to_local_execution": 0,
    "distributed_plan_default_shuffle_join_bucket_count": 3,
    "distributed_plan_default_reader_bucket_count": 3,
    "optimize_trivial_count_query": 0,
}
RECURSIVE = "EDA404"


@pytest.fixture
def distributed(exported: Path, expected: Diagnosis, server: Server) -> Iterator[ClickHouseTables]:
    with server.client() as client:
        client.command("CREATE DATABASE distributed")
        client.database = "distributed"
        tables = ClickHouseTables(client, expected.intake)
        for table, every in columns.TABLES.items():
            names = ", ".join(column.name for column in every)
            tables.execute(f"CREATE TABLE {table} ({', '.join(f'{column.name} {column.type}' for column in every)})")
            rows = f"SELECT {names} FROM file('{exported / table}.parquet', Parquet)"
            client.command(f"INSERT INTO {table} ({names}) {rows}")
        for name, value in DISTRIBUTED.items():
            client.set_client_setting(name, value)
        yield tables


def test_there_is_something_to_find_for_every_check(expected: Diagnosis) -> None:
    assert {finding.code for finding in expected.findings} == {check.code for check in CHECKS}


def test_nothing_is_foretold_of_the_minutes_that_the_exam_has(expected: Diagnosis) -> None:
    worlds = {str(one.service).partition(".")[0] for one in expected.findings if one.code.startswith("EDA8")}
    assert len(worlds) == 1  # the one that was made for it


def test_distributed_plans_of_clickhouse_find_what_duckdb_finds(
    distributed: ClickHouseTables, expected: Diagnosis
) -> None:
    checks = [check for check in CHECKS if check.code != RECURSIVE]
    same(engine.diagnose(distributed, checks, BOUNDS), expected, but={RECURSIVE})
    (recursive,) = catalog.chosen([RECURSIVE], [])
    with pytest.raises(DatabaseError, match="ReadFromRecursiveCTEStep which could not execute remotely"):
        engine.run(distributed, [recursive])
