"""The parts that the checks look at: those of the latest session that came in the last minutes, but not too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.diagnosis import plural
from otel_eda.live.window import ALL_SECONDS, SPAN_MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .parts import ParquetPart, Parts

MOST_SPANS = 150_000  # that are checked again and again: some seconds of work each time


class PartsWindow:
    """A source for diagnosis: the telemetry of the last `seconds`.

    Nothing is concluded across the time between two sessions: nobody kept what happened then. `amid` tells that there
    may be telemetry from before the session began.
    """

    def __init__(self, parts: Parts, seconds: float, *, amid: bool, most_spans: int = MOST_SPANS) -> None:
        self.parts, self.seconds, self.amid, self.most_spans = parts, seconds, amid, most_spans
        self.clock: Callable[[], float] = parts.clock
        self.crowded = False  # whether there are more spans than are checked

    @property
    def counted(self) -> float:
        """The number of seconds back from now in which counts are compared with spans."""
        chosen = self._chosen()
        if chosen and (chosen[0].first > 1 or self.parts.shed):
            return min(self.seconds, (self.clock() - chosen[0].arrived) / SPAN_MARGIN)
        return self.clock() - self.parts.began if self.amid else ALL_SECONDS

    def files(self, spool: Path) -> Iterator[Path]:  # noqa: ARG002  # they are files already
        """Yield the files of its parts."""
        for part in self._chosen():
            yield from part.files.values()

    def notes(self) -> Iterator[str]:
        """Yield a line if the checks cannot look as far back as they should."""
        if self.crowded:
            yield (
                f"the checks look back less than {self.seconds:.0f} s: "
                f"more than {plural(self.most_spans, 'span')} came in that time"
            )

    def _chosen(self) -> list[ParquetPart]:
        session = self.parts.newest_session
        with self.parts.lock:
            ours = [part for part in self.parts.all if part.session == session]
        if session == self.parts.session:
            ours = [part for part in ours if self.clock() - part.arrived <= SPAN_MARGIN * self.seconds]
        chosen: list[ParquetPart] = []
        spans = 0
        self.crowded = False
        for part in reversed(ours):
            if chosen and spans + part.spans > self.most_spans:
                self.crowded = True
                break
            spans += part.spans
            chosen.append(part)
        return chosen[::-1]
