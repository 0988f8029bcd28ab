"""What a real Collector's real exporter writes into ClickHouse is read as if it came from files."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from brokers.exporter import ExporterServer
from conftest import own
from support.waiting import until

from diagnosis.test_collector import PATHS, post
from otel_eda.diagnosis import columns
from otel_eda.diagnosis.settings import SECOND
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

    from brokers.service import Service
    from clickhouse_connect.driver.client import Client

AT_ONCE = 60  # resources in a request


def requests() -> Iterator[dict[str, Any]]:
    """Yield what all worlds send, in few requests."""
    for name in PATHS:
        every = worlds.requests(leave="absurd_times")
        resources = (resource for request in every for resource in request.get(name, ()))
        while part := list(islice(resources, AT_ONCE)):
            yield {name: part}


@pytest.fixture
def sent(server: Server, tmp_path: Path, logs: dict[str, Service]) -> Path:
    """Send all worlds through a Collector into ClickHouse, and give a file of what was sent."""
    path = tmp_path / "sent.jsonl"

    def kind(folder: Path) -> ExporterServer:
        return ExporterServer(folder, server.port, USER, SECRET)

    with own("exporter", kind, tmp_path / "exporter", logs) as exporter, path.open("w") as file:
        for request in requests():
            line = json.dumps(request)
            post(f"{exporter.url}/v1/{PATHS[next(iter(request))]}", line)
            file.write(f"{line}\n")
        expected = Counter(table for table, _ in rows(requests()))
        with server.client() as client:
            until(lambda: written(client, expected) == expected, "all rows", timeout=90)
    return path


def written(client: Client, tables: Iterable[str]) -> dict[str, int]:
    """Return how many rows there are in each table."""
    return {table: client.query(f"SELECT count() FROM exported.{table}").result_rows[0][0] for table in tables}


def test_each_row_of_each_table_is_the_same(
    server: Server, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EDA_CLICKHOUSE_PASSWORD", SECRET)
    place = f"clickhouse://{USER}@127.0.0.1:{server.port}/exported?secure=no"
    with Store() as files, Store() as store:
        files.read([Files(str(sent))])
        store.read([clickhouse.ClickHouse(place, *EVER, 10**6)])
        # The exporter's own tables keep whole seconds of these.
        for column in ("time", "started"):
            files.execute(f"UPDATE metrics SET {column} = {column} // {SECOND} * {SECOND}")
        for table in columns.TABLES:
            store.execute(f"COPY (SELECT DISTINCT * FROM {table}) TO '{tmp_path / table}.parquet'")
            read = f"'{tmp_path / table}.parquet'"
            assert files.one(f"SELECT count(*) FROM {table}") > 100
            for one, other in ((table, read), (read, table)):
                assert files.ask(f"FROM {one} EXCEPT FROM {other}") == []
