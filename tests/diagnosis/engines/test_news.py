"""News are told once, by one run at a time; and what could not be told whole is not told."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from diagnosis.telemetry import Flow, flow
from otel_eda import cli
from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.clickhouse_address import PASSWORD
from otel_eda.diagnosis.state_file import held

from . import exporter
from .conftest import SECRET
from .ours import left, migrate, place
from .test_clickhouse_source import START, filled

clickhouse = pytest.importorskip("otel_eda.diagnosis.engines.clickhouse")
window = pytest.importorskip("otel_eda.diagnosis.engines.clickhouse_window")

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from .conftest import Server

pytestmark = pytest.mark.timeout(600)  # on a busy machine
SINCE, UNTIL = START - timedelta(minutes=1), START + timedelta(minutes=10)
NUMBERS = count()


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)


class Shop:
    """A flow of orders in a ClickHouse's tables, to which rows may come late."""

    def __init__(self, server: Server, folder: Path, *, view: bool = False) -> None:
        self.server, self.folder = server, folder
        self.source = f"shop_{next(NUMBERS)}"
        self.database = f"{self.source}_eda"
        self.written: set[tuple[str, str]] = set()
        with server.client() as client:
            filled(client, self.source, [], folder, "DateTime64(9)")
        migrate(server, self.source, self.database, view=view)
        self.url = place(server, self.source, self.database)
        self.made: Flow = flow(10, 1)
        self.made.world.metrics = False  # what they count would change with what comes late
        self.fail("Full", 0.5)

    def fail(self, error: str, at: float) -> None:
        """Let a message be lost: its sending fails."""
        self.made.shop.send("orders", at, None, error=error)
        rows = {(table, json.dumps(row)) for table, row in exporter.rows(map(json.loads, self.made.world.lines()))}
        with self.server.client() as client:
            client.database = self.source
            for table in {table for table, _ in rows - self.written}:
                path = self.folder / f"{table}.jsonl"
                path.write_text("\n".join(row for name, row in rows - self.written if name == table))
                client.command(f"INSERT INTO {table} FROM INFILE '{path}' FORMAT JSONEachRow")
        self.written |= rows
        self.made.world.write(self.folder / "telemetry")

    def number(self, query: str) -> int:
        with self.server.client() as client:
            client.database = self.database
            return int(client.query(query).result_rows[0][0])


class Told(NamedTuple):
    """How a command ended, with which errors it found messages lost, and what it said on standard error."""

    status: int
    errors: list[str]
    said: str
    report: dict[str, Any]


class Diagnose:
    """Runs `otel-eda diagnose` for few checks."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, since: datetime = SINCE, until: datetime = UNTIL) -> Told:
        times = ("--since", since.isoformat(), "--until", until.isoformat(), "--grace", "0")
        status = cli.main(["diagnose", *arguments, *times, "--format", "json", "--select", "EDA101"])
        out, err = self.capsys.readouterr()
        report = json.loads(out) if out else {}
        return Told(status, [found["error"] for found in report.get("findings", [])], err, report)


@pytest.fixture
def diagnose(capsys: pytest.CaptureFixture[str]) -> Diagnose:
    return Diagnose(capsys)


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Shop:
    (tmp_path / "telemetry").mkdir()
    return Shop(server, tmp_path)


def test_each_is_told_once_however_late_it_comes_or_could_be_told(
    shop: Shop, diagnose: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = clickhouse.bounds
    tight = {"max_rows_to_read": 1}
    with monkeypatch.context() as patched:
        patched.setattr(
            clickhouse, "bounds", lambda client, what: usual(client, what) | (tight if what == "EDA101" else {})
        )
        status, errors, _, report = diagnose(shop.url, "--news", "--select", "EDA102")
    assert (status, errors, list(report["not_run"])) == (3, [], ["EDA101"])
    assert "more rows than the server lets" in report["not_run"]["EDA101"]
    assert diagnose(shop.url, "--news", "-o", str(tmp_path / "nowhere" / "report.json")).status == 2
    assert diagnose(shop.url, "--news")[:2] == (1, ["Full"])
    shop.fail("Closed", 0.6)
    later = START + timedelta(minutes=5)
    assert diagnose(shop.url, "--news", since=later, until=later + timedelta(minutes=9))[:2] == (1, ["Closed"])
    assert diagnose(shop.url, "--news")[:2] == (0, [])
    assert left(shop.server, shop.database) == []
    assert shop.number("SELECT count() FROM operations") == shop.number(
        "SELECT count(DISTINCT span_id) FROM operations"
    )


@pytest.mark.parametrize("of", ["ClickHouse", "files"])
def test_a_file_remembers_as_well(of: str, shop: Shop, diagnose: Diagnose, tmp_path: Path) -> None:
    read = str(tmp_path / "telemetry") if of == "files" else shop.url.partition("&eda")[0]
    told = partial(diagnose, read, "--state", str(tmp_path / "state"))
    assert told()[:2] == (1, ["Full"])
    shop.fail("Closed", 0.6)
    assert told("-o", str(tmp_path / "nowhere" / "report.json")).status == 2  # nobody got it
    assert told()[:2] == (1, ["Closed"])
    with held(tmp_path / "state"):
        status, _, said, report = told()
    assert (status, report) == (0, {})
    assert "another run has" in said
    assert told()[:2] == (0, [])
    (tmp_path / "state").write_text("[]")
    assert "not a file of --state" in told().said


def test_news_have_to_be_remembered(shop: Shop, diagnose: Diagnose) -> None:
    assert "--news needs --state FILE" in diagnose(shop.url.partition("&eda")[0], "--news").said


def test_two_at_once_are_one_and_a_killed_one_leaves_nothing(shop: Shop, diagnose: Diagnose) -> None:
    leftover = f"run_{'0' * 32}_operations"
    with shop.server.client() as client:
        client.command(f"CREATE TABLE {shop.database}.{leftover} ENGINE Memory AS SELECT 1")
    with window.opened(shop.url, SINCE, UNTIL, tells=True) as first:
        assert leftover not in left(shop.server, shop.database)
        status, _, said, report = diagnose(shop.url, "--news")
        assert (status, report) == (0, {})
        assert "another run tells news" in said
        assert diagnose(shop.url)[:2] == (1, ["Full"])  # who does not tell news is in nobody's way
        found = engine.diagnose(first.tables, catalog.chosen(["EDA101"], []), Bounds(grace=0), only_news=True)
        assert [finding.error for finding in found.findings] == ["Full"]
    assert left(shop.server, shop.database) == []
    assert shop.number("SELECT count() FROM told") == 0  # for it did not say that it told them


def test_what_is_too_much_before_any_check_ends_in_a_line(
    shop: Shop, diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = clickhouse.bounds
    monkeypatch.setattr(clickhouse, "bounds", lambda client, what: usual(client, what) | {"max_rows_to_read": 1})
    status, _, said, report = diagnose(shop.url, "--news")
    assert (status, report) == (2, {})
    assert said.endswith("a shorter time with --since\n")
    assert len(said.splitlines()) == 1
    assert left(shop.server, shop.database) == []


def test_views_fill_the_tables_as_well(server: Server, diagnose: Diagnose, tmp_path: Path) -> None:
    (tmp_path / "telemetry").mkdir()
    shop = Shop(server, tmp_path, view=True)
    shop.fail("Closed", 0.6)
    assert shop.number("SELECT count() FROM operations") > 20
    assert diagnose(shop.url, "--news").errors == ["Closed", "Full"]
