"""News are told once, by one run at a time; and what could not be told whole is not told."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from diagnosis.telemetry import Flow, flow
from otel_eda import cli
from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.clickhouse_address import PASSWORD

from . import exporter
from .conftest import SECRET
from .test_clickhouse_source import START, filled
from .test_mode_write import left, migrate, place

clickhouse = pytest.importorskip("otel_eda.diagnosis.engines.clickhouse")
window = pytest.importorskip("otel_eda.diagnosis.engines.clickhouse_window")

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Server

pytestmark = pytest.mark.timeout(180)
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
        self.made: Flow = flow(40, 2, skip={12, 20})
        self.made.world.metrics = False  # what they count would change with what comes late
        self.fail(12)

    def fail(self, number: int) -> None:
        """Let a message be lost: it fails, and is committed past."""
        self.made.billing.process(self.made.messages[number], number * 0.1 + 0.01, error="KeyError")
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
    """How a command ended, what it found at which offsets, and what it said on standard error."""

    status: int
    lost: list[tuple[int, int]]
    said: str
    report: dict[str, Any]


class Diagnose:
    """Runs `otel-eda diagnose` for one check."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, since: str = SINCE.isoformat(), until: str = UNTIL.isoformat()) -> Told:
        fixed = ("--since", since, "--until", until, "--grace", "0", "--fail-on", "SUSPECT", "--format", "json")
        status = cli.main(["diagnose", *arguments, *fixed, "--select", "EDA104"])
        out, err = self.capsys.readouterr()
        report = json.loads(out) if out else {}
        return Told(status, [tuple(found["offset"]) for found in report.get("findings", [])], err, report)


@pytest.fixture
def diagnose(capsys: pytest.CaptureFixture[str]) -> Diagnose:
    return Diagnose(capsys)


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Shop:
    (tmp_path / "telemetry").mkdir()
    return Shop(server, tmp_path)


@pytest.mark.parametrize("how", ["in ClickHouse", "of ClickHouse, in a file", "of files, in a file"])
def test_each_is_told_once_though_windows_overlap(how: str, shop: Shop, diagnose: Diagnose, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    arguments = {
        "in ClickHouse": (shop.url, "--news"),
        "of ClickHouse, in a file": (shop.url.partition("&eda")[0], *state),
        "of files, in a file": (str(tmp_path / "telemetry"), *state),
    }[how]
    assert diagnose(*arguments)[:2] == (1, [(6, 6)])
    assert diagnose(*arguments)[:2] == (0, [])
    shop.fail(20)
    assert diagnose(*arguments)[:2] == (1, [(10, 10)])
    assert diagnose(*arguments)[:2] == (0, [])
    assert left(shop.server, shop.database) == []


def test_without_news_all_is_told_each_time(shop: Shop, diagnose: Diagnose) -> None:
    for _ in range(2):
        assert diagnose(shop.url)[:2] == (1, [(6, 6)])
    assert shop.number("SELECT count() FROM operations") == shop.number(
        "SELECT count(DISTINCT span_id) FROM operations"
    )


def test_what_comes_later_than_the_window_goes_back_is_seen(shop: Shop, diagnose: Diagnose) -> None:
    assert diagnose(shop.url, "--news").lost == [(6, 6)]
    shop.fail(20)
    later = (START + timedelta(minutes=5)).isoformat(), (START + timedelta(minutes=14)).isoformat()
    assert diagnose(shop.url, "--news", since=later[0], until=later[1]).lost == [(10, 10)]


def test_two_at_once_are_one(shop: Shop, diagnose: Diagnose, tmp_path: Path) -> None:
    with window.opened(shop.url, SINCE, UNTIL, tells=True):
        status, lost, said, report = diagnose(shop.url, "--news")
        assert (status, lost, report) == (0, [], {})
        assert "another run tells news" in said
        assert diagnose(shop.url)[:2] == (1, [(6, 6)])  # who does not tell news is in nobody's way
        assert left(shop.server, shop.database)
    assert diagnose(shop.url, "--news").lost == [(6, 6)]  # the other had not told it


def test_two_runs_have_tables_of_their_own_and_a_killed_one_leaves_none(shop: Shop, diagnose: Diagnose) -> None:
    leftover = f"run_{'0' * 32}_operations"
    with shop.server.client() as client:
        client.command(f"CREATE VIEW {shop.database}.{leftover} AS SELECT 1")
    with window.opened(shop.url, SINCE, UNTIL, tells=False) as first:
        diagnose(shop.url)
        found = engine.diagnose(first.tables, catalog.chosen(["EDA104"], []), Bounds(grace=0))
        assert [finding.offsets for finding in found.findings] == [(6, 6)]
        assert leftover not in left(shop.server, shop.database)
    assert left(shop.server, shop.database) == []


def test_a_report_that_nobody_got_is_told_again(shop: Shop, diagnose: Diagnose, tmp_path: Path) -> None:
    assert diagnose(shop.url, "--news", "-o", str(tmp_path / "nowhere" / "report.json")).status == 2
    assert diagnose(shop.url, "--news").lost == [(6, 6)]


def test_a_check_over_its_limit_is_not_run_and_not_told(
    shop: Shop, diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = clickhouse.bounds
    tight = {"max_memory_usage": 1000, "max_untracked_memory": 1}
    with monkeypatch.context() as patched:
        patched.setattr(
            clickhouse, "bounds", lambda client, what: usual(client, what) | (tight if what == "EDA104" else {})
        )
        told = diagnose(shop.url, "--news", "--select", "EDA501")
    assert (told.status, told.lost) == (3, [])
    assert told.report["not_run"] == {"EDA104": "it took more memory than it may"}
    assert diagnose(shop.url, "--news")[:2] == (1, [(6, 6)])


def test_what_is_too_much_before_any_check_ends_in_a_line(
    shop: Shop, diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = clickhouse.bounds
    monkeypatch.setattr(clickhouse, "bounds", lambda client, what: usual(client, what) | {"max_memory_usage": 1000})
    status, _, said, report = diagnose(shop.url, "--news")
    assert (status, report) == (2, {})
    assert "more memory than it may: a shorter time with --since" in said
    assert len(said.splitlines()) == 1
    assert left(shop.server, shop.database) == []


def test_views_fill_the_tables_as_well(server: Server, diagnose: Diagnose, tmp_path: Path) -> None:
    (tmp_path / "telemetry").mkdir()
    shop = Shop(server, tmp_path, view=True)
    assert shop.number("SELECT count() FROM operations") > 100
    assert diagnose(shop.url, "--news").lost == [(6, 6)]
    shop.fail(20)
    assert diagnose(shop.url, "--news").lost == [(10, 10)]
