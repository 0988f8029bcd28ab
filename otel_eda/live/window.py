"""The last of what came, in files of OTLP JSON lines: what is too old goes, and what is too much."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

PARTS = 20  # the window moves by one of them
ALWAYS = 1e9  # seconds
MARGIN = 1.5  # spans are kept for longer than counts are looked at: one may be counted long after its span has ended


@dataclass
class Part:
    """What came in one stretch of time; monotonic seconds."""

    path: Path
    began: float
    size: int = 0


class Window:
    """A source for diagnosis: what came in the last so many seconds, at most so many bytes.

    `amid`: what came before it began nobody kept.
    """

    def __init__(
        self, folder: Path, seconds: float, most: int, clock: Callable[[], float], *, amid: bool = True
    ) -> None:
        self.folder, self.seconds, self.most, self.clock, self.amid = folder, seconds, most, clock, amid
        self.began = clock()
        self.parts: deque[Part] = deque()
        self.made = 0
        self.size = 0
        self.moved = False  # something has left it
        self.crowded = 0  # bytes that had to leave it too early

    @property
    def counted(self) -> float:
        """For how many seconds counts are looked at."""
        if not self.moved:
            return self.clock() - self.began if self.amid else ALWAYS
        return min(self.seconds, (self.clock() - self.parts[0].began) / MARGIN) if self.parts else 0.0

    def add(self, lines: Iterable[bytes]) -> int:
        """Take lines in; gives how many they were."""
        number = 0
        for line in lines:
            number += 1
            part = self._part()
            with part.path.open("ab") as file:
                written = file.write(line.rstrip(b"\n") + b"\n")
            part.size += written
            self.size += written
        self._leave()
        return number

    def files(self, spool: Path) -> Iterator[Path]:  # noqa: ARG002  # they are files already
        """Give what is in it."""
        for part in self.parts:
            yield part.path

    def _part(self) -> Part:
        """Give the part that lines go to now."""
        part = self.parts[-1] if self.parts else None
        if part and part.size < self.most / PARTS and self.clock() - part.began < self.seconds / PARTS:
            return part
        self.made += 1
        self.parts.append(Part(self.folder / f"part-{self.made}.jsonl", self.clock()))
        return self.parts[-1]

    def _leave(self) -> None:
        while self.parts and (self._old(self.parts[0]) or self.size > self.most):
            part = self.parts.popleft()
            part.path.unlink()
            self.size -= part.size
            self.crowded += 0 if self._old(part) else part.size
            self.moved = True

    def _old(self, part: Part) -> bool:
        return self.clock() - part.began > MARGIN * self.seconds
