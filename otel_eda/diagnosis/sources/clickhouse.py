"""Reads a window of telemetry from ClickHouse, where the Collector's exporter has put it; SELECT is all it may do."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from otel_eda.diagnosis import UnusableError, plural
from otel_eda.diagnosis.settings import SECOND

from .clickhouse_address import SCHEME, address, password
from .clickhouse_errors import reason
from .clickhouse_tables import LOGS, TRACES, TimeRange, metrics, number_of_spans, records, spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_connect.driver.client import Client

OLDEST = (26, 3)
# What a query of ours may take there; a server that lets nobody change this has bounds of its own.
BOUNDS = {"max_memory_usage": 2 * 10**9, "max_execution_time": 120, "max_threads": 2, "priority": 10}
EARLIER = timedelta(minutes=5)  # spans that began before the window may end in it
END = b"PAR1"  # of a file of Parquet that is whole
PART_BYTES = 1 << 20
# The client logs errors that it raises, too; without a handler Python would print them.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
COLUMNS = "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND table LIKE 'otel\\_%'"


class ClickHouse:
    """The spans, metrics and events of a window in the tables of the Collector's exporter.

    It is an error if there are more than `most` spans, or none.
    """

    def __init__(self, url: str, since: datetime, until: datetime, most: int) -> None:
        self.address = address(url)
        self.since, self.until = since, until
        self.most = most

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield a file of Parquet for each signal; raises `UnusableError`."""
        folder = spool / f"{SCHEME}-{uuid.uuid4()}"
        folder.mkdir()
        try:
            with self._client() as client:
                yield from self._signals(client, folder)
        except (ClickHouseError, HTTPError) as error:  # the latter where an answer breaks off
            raise UnusableError(f"{self.address.name}: {reason(error, self.address.user)}") from error
        except OSError as error:  # a file of certificates, or the spool's disk
            raise UnusableError(f"{self.address.name}: {error}") from error

    def _signals(self, client: Client, folder: Path) -> Iterator[Path]:
        types = {(table, name): kind for table, name, kind in client.query(COLUMNS).result_rows}
        self._check(types)
        window = TimeRange(_nanoseconds(self.since), _nanoseconds(self.until))
        wide = TimeRange(_nanoseconds(self.since - EARLIER), window.until)
        self._count(client, wide)
        queries = {
            "traces": spans(wide),
            "metrics": metrics(window, types),
            "logs": records(window) if (LOGS, "EventName") in types else "",
        }
        for signal, query in queries.items():
            if query:
                yield self._read(client, query, signal, folder / f"{signal}.columns.parquet")

    def _check(self, types: dict[tuple[str, str], str]) -> None:
        kind = types.get((TRACES, "SpanAttributes"))
        if kind is None:
            there = ", ".join(sorted({table for table, _ in types})) or "none of otel_…"
            raise UnusableError(f"{self.address.name}: {self.address.user} sees no table {TRACES} there, but {there}")
        if not kind.startswith("Map("):
            raise UnusableError(
                f"{self.address.name}: {TRACES} has attributes of type {kind}; a Map is what can be read"
            )

    def _count(self, client: Client, window: TimeRange) -> None:
        """Raise `UnusableError` if the window has more spans than may come here, or none."""
        number = int(client.query(number_of_spans(window), settings=self._bounds(client, "count")).result_rows[0][0])
        if number > self.most:
            hint = timedelta(seconds=int((self.until - self.since).total_seconds() * self.most / number))
            raise UnusableError(
                f"{self.address.name}: {plural(number, 'span')} in this time, more than --max-spans {self.most:,}: "
                f"a shorter time, such as {hint}, or a larger number"
            )
        if not number:
            raise UnusableError(f"{self.address.name}: it has no spans of this time; --since and --until say which")

    def _read(self, client: Client, query: str, signal: str, path: Path) -> Path:
        """Write what a query selects to a file."""
        last = b""
        with (
            path.open("wb") as file,
            client.raw_stream(query, fmt="Parquet", settings=self._bounds(client, signal)) as answer,
        ):
            while part := answer.read(PART_BYTES):
                file.write(part)
                last = (last + part)[-PART_BYTES:]
        if not last.endswith(END):  # an error that came after the beginning of the answer is at its end
            raise ClickHouseError(last[-2000:].decode("utf-8", "replace"))
        return path

    def _bounds(self, client: Client, what: str) -> dict[str, Any]:
        """Return a query's settings, as far as this user may set them: its bounds, and what tells it from others."""
        wanted = {**BOUNDS, "log_comment": f"otel-eda {what}"}
        free = {name: value for name, value in wanted.items() if not client.server_settings[name].readonly}
        return {**free, "query_id": f"otel-eda-{what}-{uuid.uuid4()}"}

    def _client(self) -> Client:
        place = self.address
        client = clickhouse_connect.get_client(
            interface="https" if place.secure else "http",
            host=place.host,
            port=place.port,
            username=place.user,
            password=password(),
            database=place.database,
            ca_cert=place.files.get("ca"),
            client_cert=place.files.get("cert"),
            client_cert_key=place.files.get("key"),
            client_name="otel-eda",
            autogenerate_session_id=False,
            query_retries=0,
        )
        version = tuple(int(part) for part in str(client.server_version).split(".")[:2])
        if version < OLDEST:
            raise UnusableError(
                f"{place.name}: ClickHouse {client.server_version}; it has to be {'.'.join(map(str, OLDEST))} or newer"
            )
        return client


def _nanoseconds(time: datetime) -> int:
    return round(time.timestamp() * SECOND)
