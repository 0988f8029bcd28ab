"""What DuckDB does with the files of parts themselves: write, measure, join."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

from otel_eda.diagnosis.duck import duckdb
from otel_eda.diagnosis.store import UNDRAWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

Config: TypeAlias = "dict[str, str | bool | int | float | list[str]]"
CONFIG: Config = {"memory_limit": "200MB", "temp_directory": "", "threads": 1}
WRITTEN = "(FORMAT PARQUET, COMPRESSION ZSTD)"
# The columns that hold a row's first and last time.
TIMES = {"operations": ("started", "ended"), "metrics": ("time", "time"), "events": ("time", "time")}
MEASURES = "SELECT coalesce(min({}), 0), coalesce(max({}), 0), count(*) FROM read_parquet(?)"


@contextmanager
def connected(config: Config) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database in memory."""
    with duckdb.connect(config=config) as connection:
        connection.execute(UNDRAWN)
        yield connection


def write(connection: duckdb.DuckDBPyConnection, rows: str, path: Path, *parameters: object) -> None:
    """Write rows to a file, which gets its name when it is whole."""
    unfinished = path.with_suffix(".part")
    quoted = str(unfinished).replace("'", "''")
    connection.execute(f"COPY ({rows}) TO '{quoted}' {WRITTEN}", list(parameters) or None)
    unfinished.rename(path)


@contextmanager
def all_or_none(files: Iterable[Path]) -> Iterator[None]:
    """Write these files in the block; if it fails, delete those that are there."""
    try:
        yield
    except BaseException:
        for path in files:
            for each in (path, path.with_suffix(".part")):
                with suppress(OSError):
                    each.unlink(missing_ok=True)
        raise


def merged(files: Sequence[str], path: Path) -> None:
    """Write the rows of some files to one."""
    with connected(CONFIG) as connection:
        write(connection, "SELECT * FROM read_parquet(?, union_by_name => true)", path, list(files))


def measured(files: Mapping[Path, str]) -> dict[Path, tuple[int, int, int]]:
    """Return of each file its first time, last time and number of rows; files that are damaged are left out."""
    facts = {}
    with connected(CONFIG) as connection:
        for path, file in files.items():
            first, last = TIMES[path.name.partition("-")[0]]
            try:
                facts[path] = connection.execute(MEASURES.format(first, last), [file]).fetchall()[0]
            except duckdb.Error:
                continue
    return facts
