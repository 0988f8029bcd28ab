"""The tables in DuckDB, and how telemetry gets into them."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda import encodings
from otel_eda.diagnosis.duck import duckdb

from . import UnusableError, columns, completeness, continued, exported, load, load_columns, load_lines, plural
from .intake import SIGNALS, Intake
from .line_files import LineFiles
from .settings import MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


UNDRAWN = "SET enable_progress_bar = false"  # DuckDB 2 would draw it where others read what is printed
INTERRUPTED = "Query interrupted"  # what DuckDB makes of a signal that came while it was at work
MORE = "; give it more with --memory, or have it look at a part of the destinations at a time with --buckets"
MADE = """
SELECT 'VIEW', view_name FROM duckdb_views() WHERE NOT internal
UNION ALL SELECT 'TABLE', table_name FROM duckdb_tables()
ORDER BY 1 DESC, 2
"""
REQUIRED = ("trace_id", "span_id", "started", "ended")
WINDOW = "the window"  # what a database's files are called
COLUMNAR = {f"{signal}.columns.parquet": signal for signal in SIGNALS}
READERS = (
    ("metrics", "metrics", load.metrics, load_lines.metrics, load_columns.METRIC),
    ("events", "logs", load.log_events, load_lines.records, load_columns.RECORD),
)


class Source(Protocol):
    """One place that telemetry is read from."""

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield files of OTLP JSON lines, written to `spool` if they are nowhere else; raises `UnusableError`.

        A database's columns come in files named as `COLUMNAR` says, in the form of `load_columns`.
        """


class Store:
    """A temporary DuckDB database: `with Store() as store: store.read(sources)`; it is in a folder `inside` another.

    A `part` of telemetry is read with others later: nothing is concluded in it from what is missing.
    """

    at_once = False

    def __init__(self, memory: int = MEMORY, inside: Path | None = None, *, part: bool = False) -> None:
        self.memory, self.inside, self.part = memory, inside, part
        self.intake = Intake()
        self._stack = ExitStack()

    def __enter__(self) -> Store:  # noqa: PYI034  # nobody inherits from it
        try:
            self._open()
        except BaseException as error:  # also an interrupt: it leaves nothing behind, and has the same name as later
            self.__exit__(type(error), error, None)
            raise
        return self

    def _open(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="otel-eda-", dir=self.inside)
        self.folder = folder = Path(self._stack.enter_context(temporary))
        self.spool = folder / "spool"
        self.spool.mkdir()
        self.connection = duckdb.connect(
            ":memory:" if self.part else str(folder / "tables.db"),  # a file is written whole when it is closed
            config={
                "memory_limit": f"{self.memory}MB",
                "temp_directory": str(folder / "spill"),
                "preserve_insertion_order": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        self._stack.callback(self.connection.close)
        for statement in (UNDRAWN, *load.MACROS, *load_columns.MACROS):
            self.connection.execute(statement)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Close the database; raises `UnusableError` if the machine had no memory or disk for it."""
        self._stack.close()
        if isinstance(error, RuntimeError) and str(error) == INTERRUPTED:
            raise KeyboardInterrupt from error
        if isinstance(error, duckdb.OperationalError):
            more = MORE if isinstance(error, duckdb.OutOfMemoryException) else ""
            raise UnusableError(str(error).partition("\n")[0] + more) from error

    def read(self, sources: Iterable[Source]) -> None:
        """Load the telemetry of all sources; raises `UnusableError` if nothing in them is OTLP."""
        names: list[str] = []
        lines: list[Path] = []
        tables: list[str] = []
        in_columns: dict[str, list[str]] = {signal: [] for signal in SIGNALS}
        for source in sources:
            for path in (_in_utf8(found, self.spool) for found in source.files(self.spool)):
                signal = COLUMNAR.get(path.name)
                names.append(WINDOW if signal else path.name)
                if signal:
                    in_columns[signal].append(str(path))
                elif exported.is_parquet(path):
                    tables.append(exported.literal(path))
                else:
                    lines.append(path)
        self.intake.files = len(lines) + len(tables)
        self._create("operations", load.TEMPORARY_COLUMNS)
        LineFiles(self.connection, self.spool, self.intake).read(lines)
        if not self.intake.otlp and not tables and not any(in_columns.values()):
            raise UnusableError(_no_otlp(names, self.intake))
        self._load(tables, in_columns)
        if not any(self.one(f"SELECT count(*) FROM {table}") for table in columns.TABLES):
            raise UnusableError(f"{_called(names)}: no spans, metrics or events in it that can be used")

    def close_doors(self) -> None:
        """Keep later statements from files, the network and settings."""
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def execute(self, statement: str, *parameters: Any) -> None:
        """Run a statement."""
        self.connection.execute(statement, parameters or None)

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows that a statement selects."""
        return self.connection.execute(statement, parameters or None).fetchall()

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the first value that a statement selects."""
        return self.ask(statement, *parameters)[0][0]

    def insert(self, table: str, query: str) -> None:
        """Insert what a query selects into a table's columns of the same names; the others are NULL."""
        self.connection.execute(f"INSERT INTO {table} BY NAME {query}")

    def made(self) -> list[tuple[str, str]]:
        """Return `VIEW` or `TABLE` and the name of each that there is, views first."""
        return [(kind, name) for kind, name in self.ask(MADE)]

    def _load(self, tables: list[str], in_columns: dict[str, list[str]]) -> None:
        """Add what is not in lines to the operations, make the other tables, and complete all."""
        self._add_columnar("operations", load.operations(load_columns.items(load_columns.SPAN)), in_columns["traces"])
        for table, signal, statement, of_lines, item in READERS:
            self._create(table)
            self.connection.execute(f"INSERT INTO {table} {statement(of_lines())}")
            self._add_columnar(table, statement(load_columns.items(item)), in_columns[signal])
        self.connection.execute(f"DROP TABLE {load_lines.LINES}")
        has_spans = bool(self.intake.lines["traces"] or in_columns["traces"])
        if has_spans:
            self.connection.execute(f"INSERT INTO operations {load.batch_messages()}")
            self.connection.execute("DELETE FROM operations WHERE len(links) > 0")
        added = exported.add(self.connection, tables)
        self.intake.no_tables = [Path(file).name for file, table in added.items() if table is None]
        self.intake.has_logs = bool(self.intake.lines["logs"] or in_columns["logs"] or "events" in added.values())
        if has_spans or "operations" in added.values():
            self._complete()
        if has_spans:
            self.connection.execute(f"INSERT INTO events {load.span_events()}")
        self.intake.impossible_events = self._clear_impossible("events")
        for name in load.TEMPORARY_COLUMNS:
            self.connection.execute(f"ALTER TABLE operations DROP {name}")
        self.intake.spans = self._distinct("trace_id, span_id")
        self.intake.coarse = any(self.one(load_columns.COARSE, [path]) for path in in_columns["metrics"])

    def _create(self, table: str, extra: Mapping[str, str] | None = None) -> None:
        types = {column.name: column.type for column in columns.TABLES[table]} | dict(extra or {})
        fields = ", ".join(f"{name} {kind}" for name, kind in types.items())
        self.connection.execute(f"CREATE TABLE {table} ({fields})")

    def _add_columnar(self, table: str, statement: str, files: list[str]) -> None:
        if files:
            self.connection.execute(f"INSERT INTO {table} {statement}", [files])

    def _complete(self) -> None:
        """Delete unusable and repeated rows, add handlers' errors."""
        self.connection.execute(completeness.UNTIMED_SPANS)
        self.intake.unidentified = self._delete(" OR ".join(f"{name} IS NULL" for name in REQUIRED))
        self._delete_repeats()
        self.intake.impossible = self._clear_impossible("operations")
        self.connection.execute(load.HANDLER_ERRORS)
        if not self.part and self.one("SELECT bool_or(continued) FROM operations"):
            for statement in continued.STATEMENTS:
                self.connection.execute(statement)

    def _delete(self, which: str) -> int:
        number: int = self.one(f"SELECT count(*) FROM operations WHERE {which}")
        if number:
            self.connection.execute(f"DELETE FROM operations WHERE {which}")
        return number

    def _clear_impossible(self, table: str) -> int:
        """Make numbers that cannot be unknown, and return how many rows had such numbers."""
        numbers = [column.name for column in columns.TABLES[table] if column.type in {"BIGINT", "DOUBLE"}]
        which = " OR ".join(f"{name} = {load.DAMAGED}" for name in numbers)
        found: int = self.one(f"SELECT count(*) FROM {table} WHERE {which}")
        if found:
            cleared = ", ".join(f"{name} = nullif({name}, {load.DAMAGED})" for name in numbers)
            self.connection.execute(f"UPDATE {table} SET {cleared} WHERE {which}")
        return found

    def _distinct(self, names: str) -> int:
        # Counting hashes takes half the time; among ten million, two are equal by chance in one of 300,000 runs.
        number: int = self.one(f"SELECT count(DISTINCT hash({names})) FROM operations")
        return number

    def _delete_repeats(self) -> None:
        rows = self.one("SELECT count(*) FROM operations")
        self.intake.repeated = rows - self._distinct(load.ROW_KEY)
        if self.intake.repeated:
            self.connection.execute(load.DELETE_REPEATS)


def _in_utf8(path: Path, spool: Path) -> Path:
    """Return the path itself, or a link to it if its name is not UTF-8, which DuckDB cannot open."""
    name = encodings.valid(path.name)
    if encodings.valid(path) == str(path):
        return path
    link = spool / f"link-{abs(hash(path))}" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(path.absolute())
    return link


def _called(names: list[str]) -> str:
    return names[0] if len(set(names)) == 1 else f"{len(names)} files"


def _no_otlp(names: list[str], intake: Intake) -> str:
    what, lines = _called(names), sum(intake.lines.values())
    if lines:
        return f"{what}: no OTLP JSON in it ({plural(lines, 'line')} read)"
    return f"{what}: damaged, or not what the name says" if intake.broken else f"{what}: nothing in it"
