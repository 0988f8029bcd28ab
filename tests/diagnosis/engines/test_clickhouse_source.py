"""What lies in ClickHouse, as the Collector's exporter puts it there, is read as if it came from files."""

from __future__ import annotations

import json
import re
import shlex
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from docs.pages import ROOT, blocks

from diagnosis.telemetry import BEGIN, SECOND, Telemetry, flow, metric, scoped
from otel_eda import cli
from otel_eda.diagnosis import UnusableError, catalog, engine
from otel_eda.diagnosis.finding import Verdict
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.clickhouse_address import PASSWORD
from otel_eda.diagnosis.store import Store

from . import exporter
from .conftest import SECRET, served
from .ours import migrate, place

clickhouse = pytest.importorskip("otel_eda.diagnosis.sources.clickhouse")
clickhouse_connection = pytest.importorskip("otel_eda.diagnosis.sources.clickhouse_connection")

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from clickhouse_connect.driver.client import Client

    from .conftest import Server

EVER = datetime(2001, 1, 1, tzinfo=timezone.utc), datetime(2100, 1, 1, tzinfo=timezone.utc)
START = datetime.fromtimestamp(BEGIN // SECOND, timezone.utc)
LATER = re.compile(r'"(\w*[tT]imeUnixNano)": "(\d+)"')
ONE_SPAN = "INSERT INTO otel_traces (Timestamp, TraceId, SpanId) SELECT toDateTime64('2026-01-01', 9), 'a', 'b'"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)


def filled(client: Client, database: str, requests: Iterable[exporter.Row], folder: Path, time: str) -> None:
    """Have the exporter's tables made in a database, and the rows of some requests in them."""
    client.command(f"DROP DATABASE IF EXISTS {database}")  # of a test that runs once more
    client.command(f"CREATE DATABASE {database}")
    client.database = database
    rows: dict[str, list[str]] = {table: [] for table in exporter.TABLES}
    for table, row in exporter.rows(requests):
        rows[table].append(json.dumps(row))
    for table, lines in rows.items():
        client.command(exporter.ddl(table, time))
        path = folder / f"{database}.{table}.jsonl"
        path.write_text("\n".join(lines))
        if lines:
            client.command(f"INSERT INTO {table} FROM INFILE '{path}' FORMAT JSONEachRow")


def counted_while_it_flows() -> Telemetry:
    """Give a world with a lost message, whose metrics are read while more messages flow."""
    made = flow(40, 2, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.world.metrics = False
    for service, kind in ((made.shop, "send"), (made.billing, "process")):
        count = metric(kind, 36, BEGIN + round(3.55 * SECOND), {"messaging.destination.name": "orders"})
        made.world.extra.append(scoped(service, "resourceMetrics", "scopeMetrics", "metrics", [count]))
    return made.world


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with telemetry in databases of ClickHouse's."""
    folder = tmp_path_factory.mktemp("source")
    made = flow(40, 2, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    one = [json.loads(line) for line in made.world.lines()]
    flowing = [json.loads(line) for line in counted_while_it_flows().lines()]
    with served(folder / "clickhouse") as server, server.client() as client:
        filled(client, "one", one, folder, "DateTime64(9)")
        filled(client, "nanoseconds", flowing, folder, "DateTime64(9)")
        filled(client, "seconds", flowing, folder, "DateTime")
        filled(client, "empty", [], folder, "DateTime")
        client.command("CREATE DATABASE nothing")
        migrate(server, "one", "one_eda")
    return folder


@pytest.fixture(scope="module")
def reading(folder: Path) -> Iterator[Server]:
    """Give a server that lets nobody write or change a setting."""
    with served(folder / "clickhouse", readonly=True) as running:
        yield running


def test_the_commands_of_the_page(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    later = round(time.time() * SECOND) - BEGIN - 120 * SECOND  # two minutes ago
    now = [LATER.sub(lambda found: f'"{found[1]}": "{int(found[2]) + later}"', line) for line in flow().world.lines()]
    with server.client() as client:
        filled(client, "page", map(json.loads, now), tmp_path, "DateTime64(9)")
    monkeypatch.chdir(tmp_path)
    block = next(block for block in blocks(ROOT / "docs" / "scale.md") if "--since 15m" in block.code)
    export, *commands = block.code.splitlines()
    assert export == f"export {PASSWORD}='{SECRET}'"
    for command in commands:
        here = command.replace("clickhouse.example.com:8443/otel", f"127.0.0.1:{server.port}/page?secure=no")
        assert cli.main(shlex.split(here)[1:]) == 0, command
    assert (tmp_path / "operations.parquet").exists()
    assert "billing,process,40" in capsys.readouterr().out


def test_watch_asks_again_and_again(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = round(time.time() * SECOND) - BEGIN - 120 * SECOND  # two minutes ago
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    now = [LATER.sub(lambda found: f'"{found[1]}": "{int(found[2]) + later}"', line) for line in made.world.lines()]
    with server.client() as client:
        filled(client, "watched", map(json.loads, now), tmp_path, "DateTime64(9)")
    pace = ("--every", "500ms", "--hold", "1s", "--grace", "1", "--duration", "5s")
    assert cli.main(["watch", url(server, "watched"), *pace, "--select", "EDA104", "--format", "json"]) == 1
    *found, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert {(each["code"], *each["offset"]) for each in found} == {("EDA104", 12, 12)}
    # What is new may be told before its counts have settled, and once more when it is proven.
    *before, proven = [each["verdict"] for each in found]
    assert (before in ([], ["LIKELY"], ["SUSPECT"]), proven) == (True, "CONFIRMED")
    assert end["summary"]["notes"] == []


def url(server: Server, database: str) -> str:
    return f"clickhouse://reader@127.0.0.1:{server.port}/{database}?secure=no"


def read(place: str, since: datetime = EVER[0], until: datetime = EVER[1], most: int = 10**6) -> Store:
    with Store() as store:
        store.read([clickhouse.ClickHouse(place, since, until, most)])
        return store


def test_no_more_than_a_window_is_read_and_what_ends_in_it(reading: Server) -> None:
    since, until = START + timedelta(minutes=7), START + timedelta(minutes=8)
    with pytest.raises(UnusableError, match="no spans of this time"):
        read(url(reading, "one"), since, until)
    with Store() as store:
        store.read([clickhouse.ClickHouse(url(reading, "one"), START + timedelta(seconds=2), EVER[1], 10**6)])
        (first,) = store.ask("SELECT min(started) FROM operations")
        assert first == (BEGIN,)  # a span may begin five minutes before the window and end in it


def test_the_command_diagnoses_a_window(reading: Server, capsys: pytest.CaptureFixture[str]) -> None:
    window = "--since", (START - timedelta(minutes=1)).isoformat(), "--until", (START + timedelta(hours=1)).isoformat()
    assert cli.main(["diagnose", url(reading, "one"), *window, "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["code"], found["verdict"], found["error"]) == ("EDA104", "CONFIRMED", "KeyError")
    assert cli.main(["trace", "orders/0/6", url(reading, "one"), *window]) == 0
    assert "KeyError" in capsys.readouterr().out
    assert cli.main(["sql", url(reading, "one"), *window, "SELECT count(*) AS number FROM sends"]) == 0
    assert capsys.readouterr().out.split() == ["number", "40"]


@pytest.mark.parametrize(("times", "verdict"), [("nanoseconds", Verdict.CONFIRMED), ("seconds", Verdict.SUSPECT)])
def test_times_in_whole_seconds_prove_less_and_that_is_said(times: str, verdict: Verdict, reading: Server) -> None:
    with Store() as store:
        store.read([clickhouse.ClickHouse(url(reading, times), *EVER, 10**6)])
        (found,) = engine.diagnose(store, catalog.chosen(["EDA104"], []), Bounds(grace=0)).findings
        assert any("whole seconds" in note for note in store.intake.notes()) is (times == "seconds")
    assert found.verdict is verdict


def test_too_many_spans_are_refused_before_any_is_read(reading: Server) -> None:
    with pytest.raises(UnusableError, match=r"121 spans in this time, more than --max-spans 100: a shorter time"):
        read(url(reading, "one"), START - timedelta(minutes=1), START + timedelta(hours=1), most=100)


def test_who_may_not_write_is_told_so(reading: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["diagnose", place(reading, "one", "one_eda")]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "reader may not do this: default: Cannot execute query in readonly mode" in err


def test_nothing_there_is_said(reading: Server) -> None:
    for database, why in (("empty", "no spans of this time"), ("nothing", "sees no table otel_traces")):
        with pytest.raises(UnusableError, match=why):
            read(url(reading, database))


def test_a_query_has_bounds_that_the_server_holds(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.client() as client:
        filled(client, "bounded", [], tmp_path, "DateTime")
        client.command(ONE_SPAN)
    place = url(server, "bounded")
    with pytest.raises(UnusableError, match="the window: no spans"):  # ids of one letter are no ids
        read(place)
    for bound, number, why in (("max_memory_usage", 1000, "more memory"), ("max_execution_time", 0.001, "longer")):
        monkeypatch.setattr(clickhouse_connection, "BOUNDS", {bound: number, "max_block_size": 1})
        with server.client() as client:
            client.database = "bounded"
            client.command(f"{ONE_SPAN} FROM numbers(200000)")
        with pytest.raises(UnusableError, match=why):
            read(place)
