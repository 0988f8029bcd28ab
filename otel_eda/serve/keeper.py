"""Keeps what comes: every few seconds a part; and has it checked, again and again."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError, plural
from otel_eda.diagnosis.duck import duckdb

from .loader import Loader
from .memory import give_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from otel_eda.diagnosis.store import Source
    from otel_eda.live.evaluator import Polled
    from otel_eda.live.sources import LiveSource

    from .board import Board
    from .parts import ParquetPart, Parts

PART_SECONDS = 2.0
PART_BYTES = 8 << 20  # of OTLP JSON in a part at most
RATE_PARTS = 10  # that the rate of what is heard looks back
TROUBLE = (OSError, UnusableError, duckdb.Error)


class Lines:
    """A source for diagnosis: lines that are in memory."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield a file of them."""
        path = spool / "lines.jsonl"
        with path.open("wb") as out:
            out.writelines(self.lines)
        yield path


@dataclass
class Keeper:
    """Reads sources, makes parts of what they give, and shows each part to the board.

    Lines for which the disk has no room wait in memory, and nothing else is read until there is some.
    """

    sources: Sequence[LiveSource]
    parts: Parts
    board: Board | None = None
    jaeger: Polled | None = None
    jaeger_every: float = 5.0
    pace: float = PART_SECONDS
    recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=RATE_PARTS))
    lines: list[bytes] = field(default_factory=list)  # that no part has yet
    waits: str | None = None  # why they wait
    lost: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.loader = Loader(self.parts)
        self.services: set[str] = set()
        self.asked = 0.0
        self.recent.append((time.monotonic(), 0))

    def run(self, ended: threading.Event) -> None:
        """Keep what comes until the end, and what is there then; what comes later is refused, not lost."""
        while not ended.wait(self.pace):
            began = time.monotonic()
            while self.step() and time.monotonic() - began < self.pace and not ended.is_set():
                pass
        for source in self.sources:
            source.close()
        while self.step():
            pass
        if self.lines and self.waits:
            self.lost[self.waits] += 1
            self.waits = None

    def step(self) -> bool:
        """Make a part of what is there and return whether there may be more."""
        more = bool(self.lines) or self._read()
        if self.lines and self._keep(Lines(self.lines)):
            self.lines = []
        if self.jaeger and time.monotonic() - self.asked >= self.jaeger_every:
            self.asked = time.monotonic()
            self._keep(self.jaeger, known=True)
        self.parts.delete_old()
        return more and not self.lines

    def rate(self) -> float:
        """Return how many spans came in a second lately."""
        recent = list(self.recent)
        seconds = time.monotonic() - recent[0][0]
        return sum(number for _, number in recent[1:]) / seconds if seconds > 0 else 0.0

    def notes(self) -> Iterator[str]:
        """Yield a line for each kind of telemetry that was not used, with the reason."""
        yield from self.loader.notes()
        yield from (f"{name} is damaged, so its part is not read" for name in self.parts.damaged)
        if waits := self.waits:
            yield f"telemetry waits in memory: {waits}"
        for why, number in list(self.lost.items()):  # which another thread changes
            yield f"{plural(number, 'stretch')} of telemetry lost: {why}"
        for why, number in list(self.unseen.items()):
            yield f"{plural(number, 'part')} not on the map, or not merged: {why}"
        for source in self.sources:
            yield from source.notes()
        if self.jaeger:
            yield from self.jaeger.notes()
            yield from filter(None, [str(self.jaeger.error or "")])

    def check_complete(self) -> None:
        """Raise `UnusableError` if the Jaeger did not answer the last time."""
        if self.jaeger and self.jaeger.error:
            raise self.jaeger.error

    def _read(self) -> bool:
        """Take new lines from the sources and return whether there may be more."""
        size, before = 0, -1
        while before < size < PART_BYTES:
            before = size
            for source in self.sources:
                self.lines += (line.rstrip(b"\n") + b"\n" for line in source.read())
            size = sum(map(len, self.lines))
        return size >= PART_BYTES

    def _keep(self, source: Source, *, known: bool = False) -> bool:
        """Make a part of a source; return False if it has to wait for room on the disk."""
        try:
            part = self.loader.add([source], known=known)
        except TROUBLE as error:
            if isinstance(error, OSError) or isinstance(error.__cause__, duckdb.IOException):
                self.waits = str(error)
                return False
            self.lost[str(error)] += 1
            return True
        self.waits = None
        self.recent.append((time.monotonic(), part.spans if part else 0))
        if part:
            self._show(part)
        return True

    def _show(self, part: ParquetPart) -> None:
        try:
            if self.board:
                self.board.take(part)
            self.parts.merge()
        except TROUBLE as error:  # what is kept is kept
            self.unseen[str(error)] += 1
        give_back()


class Failing:
    """Runs work in threads and keeps the first error of any, for whoever waits for them."""

    def __init__(self, ended: threading.Event) -> None:
        self.ended = ended
        self.error: BaseException | None = None
        self.threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Run something; its error ends everything."""
        thread = threading.Thread(target=self._run, args=(work,), name=f"otel-eda-{name}", daemon=True)
        self.threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait for all threads, and raise the error of one that failed."""
        for thread in self.threads:
            thread.join()
        if self.error:
            raise self.error

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised by `join`
            self.error = self.error or error
            self.ended.set()
