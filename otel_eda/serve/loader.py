"""Makes a part of what came: OTLP becomes tables once, by the load step of diagnosis, and is kept in Parquet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.intake import Intake
from otel_eda.diagnosis.store import Store

from .merging import all_or_none, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_eda.diagnosis.store import Source

    from .parts import ParquetPart, Parts

MEMORY_MB = 400
# What the parts of a time have already is not added again: a Jaeger gives the same traces each time.
KNOWN = """
DELETE FROM operations WHERE (trace_id, span_id) IN (
    SELECT (trace_id, span_id) FROM read_parquet(?, union_by_name => true))
"""
EXTENT = """
SELECT coalesce(min(first), 0), coalesce(max(last), 0) FROM (
    SELECT started AS first, ended AS last FROM operations
    UNION ALL SELECT time, time FROM metrics UNION ALL SELECT time, time FROM events)
"""


class Loader:
    """Counts what came, and what of it could not be used."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.rows: Counter[str] = Counter()
        self.spans = 0
        self.intake = Intake()

    def add(self, sources: Iterable[Source], *, known: bool = False) -> ParquetPart | None:
        """Make a part of some sources, if there is anything in them; with `known` it may be in earlier parts, too.

        A source that fails says so itself.
        """
        with Store(MEMORY_MB, part=True) as store:
            try:
                store.read(sources)
            except UnusableError:
                self._count(store.intake)
                return None
            self._count(store.intake)
            if known:
                self._delete_known(store)
            return self._write(store)

    def notes(self) -> Iterator[str]:
        """Yield a line for each kind of telemetry that was not used, with the reason."""
        yield from self.intake.notes()

    def _count(self, intake: Intake) -> None:
        for kind, number in intake.lines.items():
            self.intake.lines[kind] += number
        self.intake.unidentified += intake.unidentified
        self.intake.impossible += intake.impossible
        self.intake.impossible_events += intake.impossible_events
        self.intake.repeated += intake.repeated

    def _delete_known(self, store: Store) -> None:
        since, until = store.ask("SELECT coalesce(min(started), 0), coalesce(max(ended), 0) FROM operations")[0]
        with self.parts.reading(since, until) as files:
            if files["operations"]:
                store.execute(KNOWN, files["operations"])

    def _write(self, store: Store) -> ParquetPart | None:
        numbers = {table: store.one(f"SELECT count(*) FROM {table}") for table in ("operations", "metrics", "events")}
        present = [table for table, number in numbers.items() if number]
        if not present:
            return None
        since, until = store.ask(EXTENT)[0]
        files = self.parts.next_files(present)
        with all_or_none(files.values()):
            for table, path in files.items():
                write(store.connection, f"FROM {table}", path)
        part = self.parts.add(files, since, until, numbers["operations"])
        self.rows.update(numbers)  # only what can be asked about is said to be there
        self.spans += part.spans
        return part
