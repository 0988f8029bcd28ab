"""What the demo shows on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from otel_eda.diagnosis import lookup
from otel_eda.diagnosis.reports import text
from otel_eda.diagnosis.reports.trace import write
from otel_eda.diagnosis.trace import find
from otel_eda.live import screen
from otel_eda.live.top import drawn

from . import summary

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store
    from otel_eda.live.aggregates import Aggregates

    from .target import Target

PAGE = 160  # columns
Bar: TypeAlias = Callable[[int], None]


class Terminal:
    """Standard output, with colours where it is a terminal."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        # A file or a pipe has no width: a line of a trace must not be cut to that of a terminal nobody looks at.
        self.console.width = self.console.width if self.console.is_terminal else PAGE

    def intro(self, orders: int, services: Sequence[str]) -> None:
        """Print what is going to happen."""
        self._say(f"{orders} orders go through {' -> '.join(services)}: processes of their own without telemetry code,")
        self._say("each started under opentelemetry-instrument. Everything below is computed from what they export.\n")

    @contextmanager
    def progress(self, total: int) -> Iterator[Bar]:
        """Show a bar of the events seen to be processed, and yield what moves it."""
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        with Progress(*columns, TimeElapsedColumn(), console=self.console) as bar:
            task = bar.add_task("services start  ", total=total)
            yield lambda done: bar.update(task, completed=done, description="events processed" if done else None)

    @contextmanager
    def top(self, aggregates: Aggregates, title: str) -> Iterator[Bar]:
        """Show how destinations and groups do, and yield what would move a bar."""
        shown = screen.AggregatesScreen(aggregates, title)
        with drawn(shown, self.console, whole=False):
            yield lambda _: None
        if not self.console.is_terminal:
            self.console.print(shown)

    def spans(self, number: int, seconds: float) -> None:
        """Print how many spans came, and how long that took."""
        self._say(f"{number} spans in {seconds:.1f} s")

    def summary(self, store: Store) -> None:
        """Print one trace and all destinations."""
        self.console.print("\nOne event's trace", style="bold")
        write(find(store, lookup.spans(store, summary.telling(store))), self.console.file)
        self._say("")
        self.console.print(summary.destinations(store))

    def findings(self, diagnosis: Diagnosis, report: Path) -> None:
        """Print what was found, and where the report is."""
        self.console.print("\nWhat otel-eda diagnose finds in it", style="bold")
        self.console.print(*text.screen(diagnosis), sep="\n")
        self._say(f"\nThe report for a browser is {report}")

    def kept(self, folder: Path) -> None:
        """Print where the telemetry is kept."""
        self._say(f"\nThe telemetry is in {folder} as OTLP JSON lines.")

    def sent(self, store: Store, target: Target) -> None:
        """Print where else the traces went, with links to the two that are worth a look."""
        self._say(f"\nThe traces went to {target.endpoint} as well:")
        for which, trace in {"the one above": summary.telling(store), "the slowest": summary.slowest(store)}.items():
            self._say(f"  {which}: {target.link(trace) or trace}")

    def unsent(self, target: Target, why: str) -> None:
        """Print why the traces went nowhere else."""
        self._say(f"\n{target.endpoint} did not take the traces: {why}", "yellow")

    def _say(self, line: str, style: str | None = None) -> None:
        self.console.print(line, style=style, markup=False, soft_wrap=True)


def complain(lines: str) -> None:
    """Write to standard error."""
    Console(stderr=True, highlight=False).print(lines, style="red", markup=False, soft_wrap=True)
