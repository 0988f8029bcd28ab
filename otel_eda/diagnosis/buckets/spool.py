"""The buckets on disk: what was read is written as Parquet, a folder for each bucket, and read bucket by bucket."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from otel_eda.diagnosis import candidates, columns, facts

from . import places

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.store import Store

FLUSHED_ROWS = 20_000  # that wait in memory, of all buckets together
# The rows of each bucket: its own ones, those of other buckets that its checks need, its events, and everybody's.
PARTS = {
    "own": "SELECT *, {home} AS bucket FROM operations WHERE {messaging}",
    "needed": "SELECT o.*, n.home AS bucket FROM operations o JOIN needed n ON n.row = o.rowid",
    "events": "SELECT e.*, f.home AS bucket FROM events e JOIN found f ON f.row = e.rowid",
}
PLACES = ("keys", "needed", "found")
NOT_SHARED = {"operations", "events", "around", *PLACES}
ROWS = "SELECT * FROM read_parquet(?, hive_partitioning = false)"
SHARED, FOUND = "shared", "found"  # folders of the tables that are the same in all buckets, and of what checks find


class Spool:
    """A folder with the buckets of one store's tables."""

    def __init__(self, folder: Path, of: int) -> None:
        self.folder = folder
        self.of = of

    def write(self, store: Store) -> None:
        """Write the tables of a store, which has the facts of all destinations."""
        store.execute(f"SET partitioned_write_flush_threshold = {FLUSHED_ROWS}")
        for statement in places.statements(self.of):
            store.execute(statement)
        for part, query in PARTS.items():
            home = places.bucket(self.of, places.PLACE)
            self._split(store, part, query.format(home=home, messaging=places.MESSAGING))
        for name in PLACES:
            store.execute(f"DROP TABLE {name}")
        (self.folder / SHARED).mkdir(parents=True)
        for kind, name in store.made():
            if kind == "TABLE" and name not in NOT_SHARED and not name.startswith("all_"):
                store.execute(f"COPY {name} TO '{self.folder / SHARED / name}.parquet' (FORMAT parquet)")

    def write_candidates(self, store: Store, code: str) -> None:
        """Write the table of what a check selected of all destinations, each candidate to its destination's bucket."""
        self._split(store, code, f"SELECT *, {places.bucket(self.of)} AS bucket FROM candidate")

    def read(self, store: Store, number: int) -> None:
        """Make the tables of a bucket in a store that has none."""
        self._load(store, "operations", ("own", "needed"), number)
        self._load(store, "events", ("events",), number)
        for file in sorted((self.folder / SHARED).iterdir()):
            store.execute(f"CREATE TABLE {file.stem} AS SELECT * FROM read_parquet('{file}')")
        for statement in facts.LOCAL:
            store.execute(statement)

    def select(self, store: Store, number: int, check: Check) -> None:
        """Make the table of a check's candidates of the bucket's own destinations."""
        candidates.create(store)
        if check.is_local:
            candidates.select(store, check)
            store.execute(f"DELETE FROM candidate WHERE {places.bucket(self.of)} <> {number}")
        elif files := self._files(check.code, number):
            store.execute(f"INSERT INTO candidate BY NAME {ROWS}", files)

    def write_found(self, store: Store, number: int, code: str) -> None:
        """Write what a check found in a bucket."""
        folder = self.folder / FOUND / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        store.execute(f"COPY evaluated TO '{folder / code}.parquet' (FORMAT parquet)")

    def found(self, code: str) -> list[str]:
        """Return the files with what a check found."""
        return sorted(map(str, self.folder.glob(f"{FOUND}/*/{code}.parquet")))

    def forget(self, number: int) -> None:
        """Delete what was found in a bucket that was not looked at to its end."""
        shutil.rmtree(self.folder / FOUND / str(number), ignore_errors=True)

    def remove(self) -> None:
        """Delete all buckets."""
        shutil.rmtree(self.folder)

    def destinations(self, store: Store, number: int) -> list[str]:
        """Return the destinations of a bucket, as the store that was spooled has them."""
        rows = store.ask(
            f"SELECT DISTINCT destination FROM operations WHERE {places.bucket(self.of)} = {number} ORDER BY ALL"
        )
        return [row[0] for row in rows if row[0] is not None]

    def _split(self, store: Store, name: str, query: str) -> None:
        (self.folder / name).mkdir(parents=True)
        store.execute(f"COPY ({query}) TO '{self.folder / name}' (FORMAT parquet, PARTITION_BY (bucket))")

    def _load(self, store: Store, table: str, parts: tuple[str, ...], number: int) -> None:
        every = {column.name: column.type for column in columns.TABLES[table]}
        store.execute(f"CREATE TABLE {table} ({_columns(every)})")
        if files := [file for part in parts for file in self._files(part, number)]:
            store.execute(f"INSERT INTO {table} BY NAME {ROWS}", files)

    def _files(self, name: str, number: int) -> list[str]:
        """Return the files with the rows of a bucket, and of every bucket, by the name that they were written by."""
        folders = (self.folder / name / f"bucket={each}" for each in (number, places.EVERYWHERE))
        return sorted(str(file) for folder in folders if folder.is_dir() for file in folder.iterdir())


def _columns(types: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in types.items())
