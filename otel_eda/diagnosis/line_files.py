"""Reads files of OTLP JSON lines, each line once, and what is whole in files that are damaged or of another form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.diagnosis.duck import duckdb

from . import exported, load, load_lines, recovery
from .intake import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from .intake import Intake


class LineFiles:
    """Fills a store's tables of operations and of lines from files, and counts the lines in its intake."""

    def __init__(self, connection: DuckDBPyConnection, spool: Path, intake: Intake) -> None:
        self.connection, self.spool, self.intake = connection, spool, intake
        self.statement = f"INSERT INTO operations {load.operations(load_lines.spans())}"
        connection.execute(load_lines.CREATE_LINES)

    def read(self, paths: Sequence[Path]) -> None:
        """Add the spans in files to the operations, and all lines to the table of lines; a file may be given twice."""
        read = self._add_whole(paths)
        counts = {path: self._counts(file) for path, file in read.items()}
        for path in (path for path, found in counts.items() if not _has_otlp(found)):
            copy = recovery.split_documents(path, self.spool)
            self._add([copy])
            if _has_otlp(found := self._counts(copy)):
                counts[path] = found
        for found in counts.values():
            for kind, number in found.items():
                self.intake.lines[kind] += number

    def _add_whole(self, paths: Sequence[Path]) -> dict[Path, Path]:
        """Add files, or what is whole in them; return for each the file that was read."""
        try:
            self._add(paths)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:  # of one of them, which leaves nothing of any
            return {path: self._recovered(path, paths.count(path)) for path in dict.fromkeys(paths)}
        return {path: path for path in paths}

    def _recovered(self, path: Path, times: int) -> Path:
        try:
            self._add([path] * times)
        except duckdb.Error:
            copy, broken = recovery.recover(path, self.spool)
            self.intake.broken += [path.name] * broken
            self._add([copy] * times)
            return copy
        return path

    def _add(self, paths: Iterable[Path]) -> None:
        if files := [exported.literal(path) for path in paths]:
            self.connection.execute(self.statement, [files])
            for statement in load_lines.KEEP_LINES:
                self.connection.execute(statement)

    def _counts(self, path: Path) -> dict[str, int]:
        """Return how many lines of each kind were read of a file."""
        found = dict(self.connection.execute(load_lines.COUNTS, [str(path)]).fetchall())
        if load_lines.OTHER not in found:
            return found
        exact = dict(self.connection.execute(load_lines.SURVEY, [exported.literal(path)]).fetchall())
        times = sum(found.values()) // sum(exact.values())
        return {kind: number * times for kind, number in exact.items()}


def _has_otlp(counts: dict[str, int]) -> bool:
    return not set(counts).isdisjoint(SIGNALS)
