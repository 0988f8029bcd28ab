"""A folder of parts: the tables of some seconds of telemetry each, in Parquet, as many as there is room and time for.

A part's files are named for its table, the session that wrote it and the numbers of the stretches in it. Ten small
parts become one, and ten of those, as long as that is no large one.
"""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.exported import literal
from otel_eda.diagnosis.settings import SECOND

from .locked import locked, shared
from .merging import all_or_none, measured, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

TABLES = ("operations", "metrics", "events")
NAME = re.compile(r"(operations|metrics|events)-(\d{8}T\d{6})-(\d{6,})-(\d{6,})\.parquet")
STRETCHES = (10, 100)  # parts that become one
AHEAD_SECONDS = 5.0  # that a clock of telemetry may be ahead of ours
SHORT, LONG = 30 * 86400 * SECOND, 365 * 86400 * SECOND  # what is longer, of a part and of all, began by a wrong clock
READING = ".reading"  # who reads shares it, so that nothing is deleted; who deletes holds it alone
MERGED_SPANS = 120_000  # of a merged part at most, so that the window still moves in small steps


@dataclass
class ParquetPart:
    """The telemetry of one stretch: its files, its times in nanoseconds since 1970, when it came, by two clocks."""

    session: str
    first: int
    last: int
    files: Mapping[str, Path]
    since: int = 0
    until: int = 0
    spans: int = 0
    size: int = 0
    came: float = 0.0  # seconds since 1970
    arrived: float = 0.0  # monotonic; of this session only

    @property
    def ended(self) -> int:
        """Its last time, but not later than it came: a clock that is far ahead of ours is wrong."""
        return min(self.until, int((self.came + AHEAD_SECONDS) * SECOND))


@dataclass
class Parts:
    """The parts of a folder; the oldest go when there are more than `most` bytes, or when they are `age` seconds old.

    With `read_only` nothing is written or deleted.
    """

    folder: Path
    most: int
    age: float
    read_only: bool = False
    clock: Callable[[], float] = time.monotonic
    session: str = ""
    all: list[ParquetPart] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = self.session or time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        self.began = self.clock()
        self.number = 0
        self.damaged: list[str] = []  # names of files that are not read
        self.shed = 0  # parts of this session that were deleted
        self.lock = threading.RLock()
        self.readers = 0
        self.doomed: list[Path] = []

    @contextmanager
    def opened(self) -> Iterator[Parts]:
        """Use the folder during the block; raises `UnusableError` if another process writes to it."""
        if self.read_only:
            with self._kept_by_others():
                self.all, self.damaged = _found(self.folder)
            yield self
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock") as got:
            if not got:
                raise UnusableError(f"{self.folder}: another otel-eda keeps its telemetry there")
            (self.folder / READING).touch()
            for leftover in self.folder.glob("*.part"):
                leftover.unlink()
            self.all, self.damaged = _found(self.folder)
            if any(part.session == self.session for part in self.all):  # two sessions within a second
                raise UnusableError(f"{self.folder}: a session of this second is there already")
            yield self
            self._unlink()

    @property
    def size(self) -> int:
        """The bytes of all parts."""
        return sum(part.size for part in self.all)

    @property
    def newest_session(self) -> str:
        """The session that wrote last."""
        return self.all[-1].session if self.all else self.session

    def next_files(self, tables: Iterable[str]) -> dict[str, Path]:
        """Return where the next part's tables belong."""
        number = self.number + 1
        return {table: _file(self.folder, table, self.session, number, number) for table in tables}

    def add(self, files: Mapping[str, Path], since: int, until: int, spans: int) -> ParquetPart:
        """Add the next part, whose files were just written."""
        self.number += 1
        part = ParquetPart(self.session, self.number, self.number, files, since, until, spans, _size(files))
        part.came, part.arrived = time.time(), self.clock()
        with self.lock:
            self.all.append(part)
        self.delete_old()
        return part

    def delete_old(self) -> None:
        """Delete the oldest parts while there are too many bytes, but for the last one, and those that are too old."""
        if self.read_only:
            return
        oldest = time.time() - self.age
        with self.lock:
            while self.all and (self.all[0].came < oldest or (len(self.all) > 1 and self.size > self.most)):
                gone = self.all.pop(0)
                self.shed += gone.session == self.session
                self.doomed += gone.files.values()
            self._unlink()

    def merge(self) -> None:
        """Make one part of the last ten, or hundred, if there are as many now."""
        for stretch in STRETCHES:
            if self.number and self.number % stretch == 0:
                self._merge(self.number - stretch)

    @contextmanager
    def reading(self, since: int = 0, until: int = 2**63 - 1) -> Iterator[dict[str, list[str]]]:
        """Yield the files of each table with rows of a time; they are there during the block."""
        with self._kept_by_others():
            with self.lock:
                self.readers += 1
                chosen = [part for part in self.all if part.until >= since and part.since <= until]
            try:
                yield files_of(chosen)
            finally:
                with self.lock:
                    self.readers -= 1
                    self._unlink()

    @contextmanager
    def _kept_by_others(self) -> Iterator[None]:
        """Have the process that writes to a folder that is only shown delete nothing there during the block."""
        if not self.read_only:
            yield
            return
        with shared(self.folder / READING):
            with self.lock:  # what that process has merged or deleted since
                if not all(path.exists() for part in self.all for path in part.files.values()):
                    self.all, self.damaged = _found(self.folder)
            yield

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time of all parts, if there are any, but not those of a wrong clock."""
        with self.lock:
            timed = [part for part in self.all if 0 < part.since <= part.ended]
        if not timed:
            return None
        until = max(part.ended for part in timed)
        return min(max(part.since, part.ended - SHORT) for part in timed if part.ended > until - LONG), until

    def _unlink(self) -> None:
        """Delete files that nobody reads any more, here or in a process that shows the folder."""
        if self.readers or not self.doomed:
            return
        with locked(self.folder / READING) as alone:
            if alone:
                for path in self.doomed:
                    with suppress(OSError):
                        path.unlink()
                self.doomed = []

    def _merge(self, after: int) -> None:
        """Make one part of those of this session after a number, unless that would be a large one."""
        with self.lock:
            small = [part for part in self.all if part.session == self.session and part.first > after]
        if len(small) > 1 and sum(part.spans for part in small) <= MERGED_SPANS:
            self._replace(small)

    def _replace(self, small: list[ParquetPart]) -> None:
        first, last = small[0], small[-1]
        tables = [table for table in TABLES if any(table in part.files for part in small)]
        files = {table: _file(self.folder, table, first.session, first.first, last.last) for table in tables}
        with all_or_none(files.values()):
            for table, path in files.items():
                merged([literal(part.files[table]) for part in small if table in part.files], path)
        part = ParquetPart(first.session, first.first, last.last, files, *_times(small), size=_size(files))
        part.spans, part.came, part.arrived = sum(one.spans for one in small), last.came, first.arrived
        with self.lock:
            place = self.all.index(small[0])
            self.all[place : place + len(small)] = [part]
            self.doomed += [path for one in small for path in one.files.values()]
            self._unlink()


def files_of(parts: Iterable[ParquetPart]) -> dict[str, list[str]]:
    """Return the files of each table, as DuckDB needs their names."""
    found: dict[str, list[str]] = {table: [] for table in TABLES}
    for part in parts:
        for table, path in part.files.items():
            found[table].append(literal(path))
    return found


def holds_parts(folder: Path) -> bool:
    """Return whether a folder is one that was kept."""
    return folder.is_dir() and any(NAME.fullmatch(path.name) for path in folder.iterdir())


def _file(folder: Path, table: str, session: str, first: int, last: int) -> Path:
    return folder / f"{table}-{session}-{first:06}-{last:06}.parquet"


def _found(folder: Path) -> tuple[list[ParquetPart], list[str]]:
    """Return the parts that are in a folder, and the names of damaged files, whose parts are left out.

    Of a merged part the smaller ones may still be there.
    """
    files: dict[tuple[str, int, int], dict[str, Path]] = defaultdict(dict)
    for path in folder.iterdir():
        if match := NAME.fullmatch(path.name):
            files[match[2], int(match[3]), int(match[4])][match[1]] = path
    facts = measured({path: literal(path) for paths in files.values() for path in paths.values()})
    damaged = {
        key: names for key, paths in files.items() if (names := [p.name for p in paths.values() if p not in facts])
    }
    # A larger part comes before those that it was made of.
    ordered = sorted(files.keys() - damaged.keys(), key=lambda key: (key[0], key[1], -key[2]))
    parts: list[ParquetPart] = []
    for session, first, last in ordered:
        if not parts or parts[-1].session != session or parts[-1].last < first:
            parts.append(_made(session, first, last, files[session, first, last], facts))
    return parts, sorted(chain.from_iterable(damaged.values()))


def _made(
    session: str, first: int, last: int, files: Mapping[str, Path], facts: Mapping[Path, tuple[int, int, int]]
) -> ParquetPart:
    """Return a part of an older session, of which its files tell."""
    part = ParquetPart(session, first, last, files, size=_size(files))
    timed = [(since, until) for since, until, _ in map(facts.__getitem__, files.values()) if until]
    part.since = min((since for since, _ in timed), default=0)
    part.until = max((until for _, until in timed), default=0)
    part.spans = facts[files["operations"]][2] if "operations" in files else 0
    part.came = max(path.stat().st_mtime for path in files.values())
    return part


def _times(parts: Iterable[ParquetPart]) -> tuple[int, int]:
    timed = [part for part in parts if part.until]
    return min((part.since for part in timed), default=0), max((part.until for part in timed), default=0)


def _size(files: Mapping[str, Path]) -> int:
    return sum(path.stat().st_size for path in files.values())
