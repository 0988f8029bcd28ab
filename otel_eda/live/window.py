"""Keeps the latest telemetry in files of OTLP JSON lines: it deletes what is too old, and what is too much."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

PARTS = 20  # the window moves by one of them
ALL_SECONDS = 1e9
SPAN_MARGIN = 1.5  # times the window that spans are kept: a message may be counted long after its span has ended


@dataclass
class Part:
    """The telemetry of one stretch of time, which began at a monotonic time in seconds."""

    path: Path
    began: float
    size: int = 0


class Window:
    """A source for diagnosis: the telemetry of the last `seconds`, at most `most` bytes of it.

    `amid` tells that there may be telemetry from before the window began, which nobody kept.
    """

    def __init__(
        self, folder: Path, seconds: float, most: int, clock: Callable[[], float], *, amid: bool = True
    ) -> None:
        self.folder, self.seconds, self.most, self.clock, self.amid = folder, seconds, most, clock, amid
        self.began = clock()
        self.parts: deque[Part] = deque()
        self.numbered = 0
        self.size = 0
        self.moved = False  # whether anything was deleted
        self.crowded_out = 0  # bytes deleted before their time

    @property
    def counted(self) -> float:
        """The number of seconds back from now in which counts are compared with spans."""
        if not self.moved:
            return self.clock() - self.began if self.amid else ALL_SECONDS
        return min(self.seconds, (self.clock() - self.parts[0].began) / SPAN_MARGIN) if self.parts else 0.0

    def add(self, lines: Iterable[bytes]) -> int:
        """Add lines and return their number."""
        number = 0
        for line in lines:
            number += 1
            part = self._part()
            with part.path.open("ab") as file:
                written = file.write(line.rstrip(b"\n") + b"\n")
            part.size += written
            self.size += written
        self._delete_old()
        return number

    def files(self, spool: Path) -> Iterator[Path]:  # noqa: ARG002  # they are files already
        """Yield the files of its parts."""
        for part in self.parts:
            yield part.path

    def notes(self) -> Iterator[str]:
        """Yield a line if telemetry was deleted before its time."""
        if self.crowded_out:
            yield f"{self.crowded_out >> 20:,} MB left the window before their time: there was more than --most"

    def _part(self) -> Part:
        """Return the part that lines are added to now."""
        part = self.parts[-1] if self.parts else None
        if part and part.size < self.most / PARTS and self.clock() - part.began < self.seconds / PARTS:
            return part
        self.numbered += 1
        self.parts.append(Part(self.folder / f"part-{self.numbered}.jsonl", self.clock()))
        return self.parts[-1]

    def _delete_old(self) -> None:
        while self.parts and (self._old(self.parts[0]) or self.size > self.most):
            part = self.parts.popleft()
            part.path.unlink()
            self.size -= part.size
            self.crowded_out += 0 if self._old(part) else part.size
            self.moved = True

    def _old(self, part: Part) -> bool:
        return self.clock() - part.began > SPAN_MARGIN * self.seconds
