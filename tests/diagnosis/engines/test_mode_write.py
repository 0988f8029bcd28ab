"""What stays in ClickHouse is diagnosed there: the same rows of each table, the same findings, and nothing left."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow
from otel_eda import cli
from otel_eda.diagnosis import columns, engine, narrowing
from otel_eda.diagnosis.sources.clickhouse_address import PASSWORD
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.sources.selection import Selection
from otel_eda.diagnosis.store import Store

from . import worlds
from .conftest import BOUNDS, CHECKS, SECRET, same
from .ours import left, migrate, place
from .test_clickhouse_source import EVER, filled

clickhouse = pytest.importorskip("otel_eda.diagnosis.sources.clickhouse")
clickhouse_window = pytest.importorskip("otel_eda.diagnosis.engines.clickhouse_window")

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.engines.clickhouse_window import InClickHouse

    from .conftest import Server

pytestmark = pytest.mark.timeout(600)  # on a busy machine


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)


@pytest.mark.parametrize("more", [[], ["--view"], ["--cluster", "shards", "--view"]])
def test_clickhouse_reads_each_statement_that_is_printed(
    more: list[str], server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["schema", "clickhouse", "--database", "a`b", "--source", "o'tel", *more]) == 0
    printed = capsys.readouterr().out
    statements = [statement for statement in printed.split(";\n") if statement.strip()]
    with server.client() as client:
        for statement in statements:
            client.query(f"EXPLAIN AST {statement}")
    assert len(statements) == 6 + 7 * ("--view" in more) + 3 * ("--cluster" in more)
    assert ("materialized_views_ignore_errors = 1" in printed) is ("--view" in more)
    assert ("Not proven" in printed) is ("--cluster" in more)


def rows_of(window: InClickHouse, table: str, store: Store, path: Path) -> None:
    """Have a window's table in DuckDB, as `other`."""
    every = columns.TABLES[table]
    names = ", ".join(column.name for column in every)
    types = ", ".join(f"{column.name}::{column.type} AS {column.name}" for column in every)
    path.unlink(missing_ok=True)
    selected = f"SELECT {names} FROM {window.tables.prefix}{table}"
    window.tables.client.command(f"{selected} INTO OUTFILE '{path}' FORMAT Parquet")
    store.execute(f"CREATE OR REPLACE TEMP TABLE other AS SELECT {types} FROM read_parquet('{path}')")


def as_from_files(store: Store, path: Path) -> None:
    """Assert that what is read of ClickHouse is what is read of files."""
    with Store() as files:
        files.read([Files(str(path))])
        for table in columns.TABLES:
            # ClickHouse 26.3 reads the last digit of a number in JSON otherwise; `test_exporter` compares it, too.
            rows = "SELECT * REPLACE (round(value, 9) AS value)" if table == "metrics" else "SELECT *"
            copy = path.with_name(f"{table}.read.parquet")
            store.execute(f"COPY {table} TO '{copy}'")
            assert files.one(f"SELECT count(*) FROM {table}") > 100
            for one, other in ((table, f"'{copy}'"), (f"'{copy}'", table)):
                assert files.ask(f"{rows} FROM {one} EXCEPT ALL {rows} FROM {other}") == [], table
        assert (store.intake.repeated, store.intake.impossible) == (files.intake.repeated, files.intake.impossible)


def test_each_row_of_each_table_is_the_same(server: Server, tmp_path: Path) -> None:
    every = list(worlds.requests(leave="absurd_times"))  # of times that the exporter cannot write
    (tmp_path / "worlds.jsonl").write_text("\n".join(map(json.dumps, every)))
    with server.client() as client:
        filled(client, "all_worlds", every, tmp_path, "DateTime64(9)")
    migrate(server, "all_worlds", "ours")
    where = place(server, "all_worlds", "ours")
    with Store() as store:
        store.read([clickhouse.ClickHouse(where, *EVER, 10**6)])
        as_from_files(store, tmp_path / "worlds.jsonl")
        narrowing.apply(store, Selection((), *EVER))
        for _ in range(2):  # what is there already is not put there again
            with clickhouse_window.opened(where, *EVER, tells=False) as window:
                for table in columns.TABLES:
                    rows_of(window, table, store, tmp_path / f"{table}.parquet")
                    assert store.one(f"SELECT count(*) FROM {table}") > 100
                    for one, other in ((table, "other"), ("other", table)):
                        assert store.ask(f"FROM {one} EXCEPT ALL FROM {other}") == [], table
                read = window.tables.intake
                assert (read.repeated, read.impossible) == (store.intake.repeated, store.intake.impossible)
                assert (read.spans, read.has_logs) == (store.intake.spans, store.intake.has_logs)
    assert left(server, "ours") == []


def test_a_span_that_goes_on_with_an_attempt_is_no_other(server: Server, tmp_path: Path) -> None:
    made = flow(10, 1)
    made.billing.process(made.messages[3], 0.312, error="KeyError", said={"eda.process.manual": True})
    with server.client() as client:
        filled(client, "continued", map(json.loads, made.world.lines()), tmp_path, "DateTime64(9)")
    migrate(server, "continued", "continued_eda")
    where = place(server, "continued", "continued_eda")
    with Store() as store, clickhouse_window.opened(where, *EVER, tells=False) as window:
        store.read([clickhouse.ClickHouse(where, *EVER, 10**6)])
        rows_of(window, "operations", store, tmp_path / "operations.parquet")
        asked = "SELECT outcome, error, continued FROM {} WHERE error IS NOT NULL ORDER BY ALL"
        assert store.ask(asked.format("operations")) == [("error", "KeyError", True), ("error", "KeyError", None)]
        assert (
            store.ask("FROM operations EXCEPT ALL FROM other")
            == store.ask("FROM other EXCEPT ALL FROM operations")
            == []
        )


def test_findings_are_the_same(server: Server, tmp_path: Path, exported: Path) -> None:
    with Store() as store:
        store.read([Files(str(exported))])
        narrowing.apply(store, Selection((), *EVER))
        expected = engine.diagnose(store, CHECKS, BOUNDS)
    with server.client() as client:
        filled(client, "nothing", [], tmp_path, "DateTime64(9)")
        migrate(server, "nothing", "merged")
        for table, every in columns.TABLES.items():
            names, path = ", ".join(column.name for column in every), exported / f"{table}.parquet"
            client.command(f"INSERT INTO merged.{table} ({names}) SELECT {names} FROM file('{path}', Parquet)")
    with clickhouse_window.opened(place(server, "nothing", "merged"), *EVER, tells=True) as window:
        found = engine.diagnose(window.tables, CHECKS, BOUNDS, only_news=True)
        window.run.remember()
    same(found, expected)
    assert replace(found, intake=expected.intake, unasked=expected.unasked, only_news=False) == expected
    assert left(server, "merged") == []
