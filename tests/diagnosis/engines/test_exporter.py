"""What a real Collector's real exporter writes into ClickHouse is read as if it came from files."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from brokers import tools
from brokers.exporter import ExporterServer, binary
from docs.pages import ROOT
from support.waiting import until

from diagnosis.test_collector import PATHS, post
from otel_eda.diagnosis import columns
from otel_eda.diagnosis.settings import SECOND
from otel_eda.diagnosis.sources.clickhouse_address import PASSWORD
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from . import worlds
from .conftest import SECRET, USER, Server
from .exporter import rows
from .test_clickhouse_source import EVER

clickhouse = pytest.importorskip("otel_eda.diagnosis.sources.clickhouse")

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from clickhouse_connect.driver.client import Client

COARSE = re.compile(r"(`(?:StartTimeUnix|TimeUnix)`) DateTime\b(?!64)")
LIFE = re.compile(r"^TTL .*$", re.MULTILINE)
TABLES = ROOT / "stack" / "clickhouse" / "tables.sql"
AT_ONCE = 60  # resources in a request


def requests() -> Iterator[dict[str, Any]]:
    """Yield what all worlds send, in few requests."""
    for name in PATHS:
        every = worlds.requests(leave="absurd_times")
        resources = (resource for request in every for resource in request.get(name, ()))
        while part := list(islice(resources, AT_ONCE)):
            yield {name: part}


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)


class Send(Protocol):
    """Sends all worlds through a Collector into a database, and returns a file of what was sent."""

    def __call__(self, database: str, *, made: bool = False) -> Path: ...


@pytest.fixture
def send(server: Server, tmp_path: Path, own_server: Any) -> Send:
    def run(database: str, *, made: bool = False) -> Path:
        path, folder = tmp_path / f"{database}.jsonl", tmp_path / database
        kind = partial(ExporterServer, clickhouse=server.port, user=USER, password=SECRET, database=database, made=made)
        with own_server("exporter", kind, folder) as exporter, path.open("w") as file:
            for request in requests():
                line = json.dumps(request)
                post(f"{exporter.url}/v1/{PATHS[next(iter(request))]}", line)
                file.write(f"{line}\n")
            expected = Counter(table for table, _ in rows(requests()))
            with server.client() as client:
                client.database = database
                until(lambda: written(client, expected) == expected, "all rows", timeout=90)
        return path

    return run


def written(client: Client, tables: Iterable[str]) -> dict[str, int]:
    """Return how many rows there are in each table."""
    return {table: client.query(f"SELECT count() FROM {table}").result_rows[0][0] for table in tables}


def test_each_row_of_each_table_is_the_same(server: Server, send: Send, tmp_path: Path) -> None:
    with Store() as files:
        files.read([Files(str(send("exported")))])
        # The exporter's own tables keep whole seconds of these.
        for column in ("time", "started"):
            files.execute(f"UPDATE metrics SET {column} = {column} // {SECOND} * {SECOND}")
        compare(files, server, "exported", tmp_path)


def test_tables_made_as_the_page_says_keep_nanoseconds(server: Server, send: Send, tmp_path: Path) -> None:
    with server.client() as client:
        if not client.query("EXISTS DATABASE exported").result_rows[0][0]:
            send("exported")
        client.command("CREATE DATABASE precise")
        for (table,) in client.query("SELECT name FROM system.tables WHERE database = 'exported'").result_rows:
            made = str(client.query(f"SHOW CREATE TABLE exported.{table}").result_rows[0][0])
            client.command(COARSE.sub(r"\1 DateTime64(9)", made.replace("exported.", "precise.")))
    with Store() as files:
        files.read([Files(str(send("precise", made=True)))])
        compare(files, server, "precise", tmp_path)


def test_the_tables_of_the_stack_take_what_it_writes(server: Server, send: Send, tmp_path: Path) -> None:
    with server.client() as client:
        client.command("CREATE DATABASE stacked")
        # One shard, and nothing expires: what the worlds send is old.
        text = LIFE.sub("", TABLES.read_text("utf-8")).replace("otel.", "stacked.").replace("_local", "")
        for statement in text.split(";"):
            if "MergeTree" in statement:
                client.command(statement)
    with Store() as files:
        files.read([Files(str(send("stacked", made=True)))])
        compare(files, server, "stacked", tmp_path)


def test_the_exporter_takes_the_configuration_of_the_stack(tmp_path: Path) -> None:
    tools.run([str(binary()), "validate", f"--config={TABLES.parent / 'collector.yaml'}"], tmp_path)


def compare(files: Store, server: Server, database: str, folder: Path) -> None:
    """Assert that what is read of a database is what was read of files."""
    place = f"clickhouse://{USER}@127.0.0.1:{server.port}/{database}?secure=no"
    with Store() as store:
        store.read([clickhouse.ClickHouse(place, *EVER, 10**6)])
        for table in columns.TABLES:
            store.execute(f"COPY (SELECT DISTINCT * FROM {table}) TO '{folder / table}.parquet'")
            read = f"'{folder / table}.parquet'"
            assert files.one(f"SELECT count(*) FROM {table}") > 100
            for one, other in ((table, read), (read, table)):
                assert files.ask(f"FROM {one} EXCEPT FROM {other}") == []
