"""What a question is asked with: its parameters, the time that it is about, the tables of that time."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from otel_eda.diagnosis import columns
from otel_eda.diagnosis.settings import SECOND
from otel_eda.serve.merging import connected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

    from otel_eda.serve.board import Board
    from otel_eda.serve.found import Found
    from otel_eda.serve.merging import Config
    from otel_eda.serve.parts import Parts

T = TypeVar("T", int, float)
# Without a folder for what does not fit into memory: a question that needs one asks for too much.
CONFIG: Config = {"memory_limit": "400MB", "temp_directory": "", "preserve_insertion_order": "false"}
PATIENCE_SECONDS = 20.0
DEFAULT_SECONDS = 900.0
WAITED_SECONDS = 3600.0  # before a time, in which messages may have been sent that were processed in it
MOST_SECONDS = 366 * 86400.0
INTERVALS = 120  # that a time is cut into, if nothing else is said
MOST_INTERVALS = 2000
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
MOST_SERIES = 100  # that an answer has
EMPTY = {
    name: "SELECT " + ", ".join(f"NULL::{column.type} AS {column.name}" for column in table) + " WHERE false"
    for name, table in columns.TABLES.items()
}


class QuestionError(Exception):
    """A question that cannot be understood, for the reason in the text."""


@dataclass(frozen=True)
class Time:
    """A time that is asked about, in seconds since 1970."""

    since: float
    until: float

    @property
    def nanoseconds(self) -> tuple[int, int]:
        """Both ends in nanoseconds."""
        return int(self.since * SECOND), int(self.until * SECOND)

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.until - self.since


@dataclass(frozen=True)
class Asked:
    """The parameters of a question, each with one or more texts."""

    values: Mapping[str, Sequence[str]]
    now: float

    def text(self, name: str) -> str | None:
        """Return a parameter, or None if it is not there."""
        values = self.values.get(name)
        return values[-1] if values else None

    def number(self, name: str, otherwise: T, least: T, most: T) -> T:
        """Return a number; raises `QuestionError` if it is none, or too small or large."""
        text = self.text(name)
        if text is None:
            return otherwise
        try:
            value = type(otherwise)(text)
        except ValueError:
            value = type(otherwise)(least - 1)
        if not (math.isfinite(value) and least <= value <= most):
            raise QuestionError(f"{name} has to be a number from {least} to {most}")
        return value

    def time(self, prefix: str = "") -> Time:
        """Return the time that is asked about: `since` and `until`, or the last `seconds`."""
        if not prefix and self.text("since") is None:
            seconds = self.number("seconds", DEFAULT_SECONDS, 1.0, MOST_SECONDS)
            return Time(self.now - seconds, self.now)
        since = self.number(f"{prefix}since", self.now - DEFAULT_SECONDS, 0.0, 2.0**33)
        until = self.number(f"{prefix}until", self.now, 0.0, 2.0**33)
        if not since < until <= since + MOST_SECONDS:
            raise QuestionError(f"{prefix}until has to be after {prefix}since, and at most a year")
        return Time(since, until)

    def step(self, time: Time, least: float = 1.0) -> float:
        """Return the length of the intervals that a time is cut into, in whole milliseconds."""
        fitting = next((step for step in STEPS if step >= max(time.seconds / INTERVALS, least)), STEPS[-1])
        step = round(self.number("step", float(fitting), 0.1, MOST_SECONDS), 3)
        if time.seconds / step > MOST_INTERVALS:
            raise QuestionError(f"more than {MOST_INTERVALS} intervals: step has to be larger")
        return step


class PartTables:
    """The tables `operations`, `metrics` and `events` of a time, as views of parts."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor

    def ask(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows that a statement selects."""
        used = {name: value for name, value in (parameters or {}).items() if f"${name}" in statement}
        return self.cursor.execute(statement, used or None).fetchall()


class Reader:
    """Opens the tables of a time, for one question after the other."""

    def __init__(
        self, parts: Parts, board: Board, found: Found, *, jaeger: str | None = None, grace: float | None = None
    ) -> None:
        self.parts, self.board, self.found = parts, board, found
        self.jaeger, self.grace = jaeger, grace
        self.lock = threading.Lock()
        self.patience = PATIENCE_SECONDS

    def kept_seconds(self, time: Time, now: float) -> float:
        """Return for how much of a time telemetry was kept: this session goes on until now."""
        extents: dict[str, tuple[float, float]] = {}
        with self.parts.lock:
            for part in (part for part in self.parts.all if part.until):
                since, until = extents.get(part.session, (math.inf, 0.0))
                extents[part.session] = min(since, part.since / SECOND), max(until, part.until / SECOND)
        if not self.parts.read_only and (extent := extents.get(self.parts.session)):
            extents[self.parts.session] = extent[0], max(extent[1], now)
        return sum(max(min(until, time.until) - max(since, time.since), 0.0) for since, until in extents.values())

    @contextmanager
    def tables(self, time: Time, *, before: float = 0.0, later: bool = False) -> Iterator[PartTables]:
        """Yield the tables of a time, and of so many seconds before it; with `later` of all that came after, too."""
        since, until = Time(max(time.since - before, 0.0), time.until).nanoseconds
        with (
            self.lock,
            self.parts.reading(since, 2**63 - 1 if later else until) as files,
            connected(CONFIG) as connection,
            interrupted(connection, self.patience),
        ):
            for name, empty in EMPTY.items():
                connection.execute(f"CREATE VIEW {name} AS {_rows(files[name], empty)}")
            yield PartTables(connection)


@contextmanager
def interrupted(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what a connection does if the block takes too long: it raises `duckdb.Error` then."""
    done = threading.Event()

    def interrupt() -> None:
        # Again and again, because an interrupt between two statements is lost.
        while not done.wait(seconds):
            connection.interrupt()

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _rows(files: Sequence[str], empty: str) -> str:
    """Return the SQL of a table: all of its columns, also where an older version wrote the files."""
    if not files:
        return empty
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"{empty} UNION ALL BY NAME SELECT * FROM read_parquet([{listed}], union_by_name => true)"
