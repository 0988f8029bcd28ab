"""Reads a window of telemetry from ClickHouse, where the Collector's exporter has put it; SELECT is all it may do."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_eda.diagnosis import UnusableError, plural
from otel_eda.diagnosis.settings import SECOND

from .clickhouse_address import SCHEME, address
from .clickhouse_connection import bounds, connected
from .clickhouse_tables import LOGS, TRACES, TimeRange, metrics, number_of_spans, records, spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_connect.driver.client import Client

    from .clickhouse_address import Address

EARLIER = timedelta(minutes=5)  # spans that began before the window may end in it
END = b"PAR1"  # of a file of Parquet that is whole
PART_BYTES = 1 << 20
COLUMNS = "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND table LIKE 'otel\\_%'"


class ClickHouse:
    """The spans, metrics and events of a window in the tables of the Collector's exporter.

    It is an error if there are more than `most` spans, or none, unless it `may_be_empty`.
    """

    def __init__(self, url: str, since: datetime, until: datetime, most: int, *, may_be_empty: bool = False) -> None:
        self.address = address(url)
        self.since, self.until = since, until
        self.most, self.may_be_empty = most, may_be_empty

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield a file of Parquet for each signal; raises `UnusableError`."""
        folder = spool / f"{SCHEME}-{uuid.uuid4()}"
        folder.mkdir()
        with connected(self.address) as client:
            yield from self._signals(client, folder)

    def _signals(self, client: Client, folder: Path) -> Iterator[Path]:
        types = exported_columns(client, self.address)
        window = TimeRange(nanoseconds(self.since), nanoseconds(self.until))
        wide = TimeRange(nanoseconds(self.since - EARLIER), window.until)
        self._count(client, wide)
        queries = {
            "traces": spans(wide.holds("Timestamp")),
            "metrics": metrics(window, types),
            "logs": records(window.holds("Timestamp")) if (LOGS, "EventName") in types else "",
        }
        for signal, query in queries.items():
            if query:
                yield self._read(client, query, signal, folder / f"{signal}.columns.parquet")

    def _count(self, client: Client, window: TimeRange) -> None:
        """Raise `UnusableError` if the window has more spans than may come here, or none."""
        number = int(client.query(number_of_spans(window), settings=bounds(client, "count")).result_rows[0][0])
        if number > self.most:
            hint = timedelta(seconds=int((self.until - self.since).total_seconds() * self.most / number))
            raise UnusableError(
                f"{self.address.name}: {plural(number, 'span')} in this time, more than --max-spans {self.most:,}: "
                f"a shorter time, such as {hint}, or a larger number"
            )
        if not number and not self.may_be_empty:
            raise UnusableError(f"{self.address.name}: it has no spans of this time; --since and --until say which")

    def _read(self, client: Client, query: str, signal: str, path: Path) -> Path:
        """Write what a query selects to a file."""
        last = b""
        with (
            path.open("wb") as file,
            client.raw_stream(query, fmt="Parquet", settings=bounds(client, signal)) as answer,
        ):
            while part := answer.read(PART_BYTES):
                file.write(part)
                last = (last + part)[-PART_BYTES:]
        if not last.endswith(END):  # an error that came after the beginning of the answer is at its end
            raise ClickHouseError(last[-2000:].decode("utf-8", "replace"))
        return path


def exported_columns(client: Client, place: Address) -> dict[tuple[str, str], str]:
    """Return the types of the exporter's columns by table and name; raises `UnusableError` if they cannot be read."""
    types = {(table, name): kind for table, name, kind in client.query(COLUMNS).result_rows}
    kind = types.get((TRACES, "SpanAttributes"))
    if kind is None:
        there = ", ".join(sorted({table for table, _ in types})) or "none of otel_…"
        raise UnusableError(f"{place.name}: {place.user} sees no table {TRACES} there, but {there}")
    if not kind.startswith("Map("):
        raise UnusableError(f"{place.name}: {TRACES} has attributes of type {kind}; a Map is what can be read")
    return types


def nanoseconds(time: datetime) -> int:
    """Return a time in nanoseconds since 1970."""
    return round(time.timestamp() * SECOND)
