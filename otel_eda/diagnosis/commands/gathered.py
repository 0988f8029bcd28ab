"""Where a command's telemetry is and what was told of it: here, in DuckDB, or where it stays, ClickHouse or Spark."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources import CLICKHOUSE, SPARK

from .options import loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_eda.diagnosis.engines import Tables
    from otel_eda.diagnosis.store import Store

    from .options import Reading


@dataclass(frozen=True)
class Gathered:
    """The tables; `begin` is told what the next statements are for, `remember` that the report is written.

    `store` has the rows, where they are here.
    """

    tables: Tables
    begin: Callable[[str], None]
    remember: Callable[[], None]
    store: Store | None = None


@contextmanager
def gathered(reading: Reading, state: Path | None, *, only_news: bool, in_buckets: bool = False) -> Iterator[Gathered]:
    """Yield what was read; with `only_news` the tables know what was told.

    What is to be looked at `in_buckets` has to come here: else it raises `UnusableError`.
    """
    asks_spark = any(place.startswith(SPARK) for place in reading.source)
    if in_buckets and (asks_spark or any(_stays(place) for place in reading.source)):
        raise UnusableError("--buckets is for telemetry that is read to this machine")
    if asks_spark:
        with _in_spark(reading, only_news=only_news) as found:
            yield found
    elif any(_stays(place) for place in reading.source):
        with _in_clickhouse(reading, state, only_news=only_news) as found:
            yield found
    elif not only_news:
        with loaded(reading) as store:
            yield Gathered(store, _nothing, lambda: None, store)
    else:
        from otel_eda.diagnosis.state_file import held

        if state is None:
            raise UnusableError(
                "--news needs --state FILE, or a ClickHouse with ?eda=DATABASE, to remember what it told"
            )
        with held(state) as memory, loaded(reading) as store:
            memory.begin(store)
            yield Gathered(store, _nothing, lambda: memory.remember(store), store)


@contextmanager
def _in_clickhouse(reading: Reading, state: Path | None, *, only_news: bool) -> Iterator[Gathered]:
    from otel_eda.diagnosis.sources.selection import last_hour

    if len(reading.source) > 1 or reading.service:
        raise UnusableError(
            "a ClickHouse with ?eda=DATABASE is diagnosed alone, and whole: no other SOURCE, no --service"
        )
    if state is not None:
        raise UnusableError("a ClickHouse with ?eda=DATABASE remembers what was told itself: --news, without --state")
    try:
        from otel_eda.diagnosis.engines.clickhouse_window import opened
    except ModuleNotFoundError as error:
        raise UnusableError(f"{error}: pip install 'otel-eda[clickhouse]'") from error
    with opened(reading.source[0], *last_hour(reading.since, reading.until), tells=only_news) as window:
        yield Gathered(window.tables, window.begin, window.run.remember)


@contextmanager
def _in_spark(reading: Reading, *, only_news: bool) -> Iterator[Gathered]:
    masters = [place for place in reading.source if place.startswith(SPARK)]
    folders = [place for place in reading.source if place not in masters]
    if len(masters) != 1 or len(folders) != 1 or reading.service or reading.since or reading.until or only_news:
        raise UnusableError("Spark takes its URL and one folder, whole: no --service, --since, --until or --news")
    try:
        from otel_eda.diagnosis.engines import spark
    except ModuleNotFoundError as error:
        raise UnusableError(f"{error}: pip install 'otel-eda[spark]'") from error
    with spark.opened(masters[0]) as tables:
        tables.read(folders[0])
        yield Gathered(tables, _nothing, lambda: None)


def _stays(place: str) -> bool:
    """Return whether the rows of a place stay there."""
    if not place.startswith(CLICKHOUSE):
        return False
    from otel_eda.diagnosis.sources.clickhouse_address import address

    return address(place).eda is not None


def _nothing(_: str) -> None:
    pass
