"""What the demo shows on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from otel_eda.diagnosis.reports import text
from otel_eda.live import screen
from otel_eda.live.top import drawn

from .flow import destinations, is_process, slowest, telling
from .report import table, tree

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.live.aggregates import Aggregates

    from .target import Target
    from .telemetry import Span

PAGE = 160
Bar: TypeAlias = Callable[[int], None]


class Screen:
    """Standard output, with colours where it is a terminal."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        # A file or a pipe has no width: a line of a trace must not be cut to that of a terminal nobody looks at.
        self.console.width = self.console.width if self.console.is_terminal else PAGE

    def intro(self, orders: int, services: Sequence[str]) -> None:
        """Say what is going to happen."""
        self._say(f"{orders} orders go through {' -> '.join(services)}: processes of their own without telemetry code,")
        self._say("each started under opentelemetry-instrument. Everything below is computed from what they export.\n")

    @contextmanager
    def progress(self, total: int) -> Iterator[Bar]:
        """Show a bar of the events seen to be processed, and give what moves it."""
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        with Progress(*columns, TimeElapsedColumn(), console=self.console) as bar:
            task = bar.add_task("services start  ", total=total)
            yield lambda done: bar.update(task, completed=done, description="events processed" if done else None)

    @contextmanager
    def top(self, board: Aggregates, title: str) -> Iterator[Bar]:
        """Show how destinations and groups do, and give what would move a bar."""
        shown = screen.AggregatesScreen(board, title)
        with drawn(shown, self.console, whole=False):
            yield lambda _: None
        if not self.console.is_terminal:
            self.console.print(shown)

    def report(self, spans: Sequence[Span], seconds: float) -> None:
        """Show one trace and all destinations, if anything was processed."""
        self._say(f"{len(spans)} spans in {seconds:.1f} s\n")
        if any(map(is_process, spans)):
            self.console.print("One event's way", style="bold")
            self.console.print(tree(telling(spans)))
            self._say("")
            self.console.print(table(destinations(spans)))

    def findings(self, diagnosis: Diagnosis, report: Path) -> None:
        """Show what was found, and say where the report is."""
        self.console.print("\nWhat otel-eda diagnose finds in it", style="bold")
        self.console.print(*text.screen(diagnosis), sep="\n")
        self._say(f"\nThe report for a browser is {report}")

    def places(self, spans: Sequence[Span], kept: Path | None, target: Target | None, failure: str | None) -> None:
        """Say where the telemetry is."""
        if kept:
            self._say(f"\nThe telemetry is in {kept} as OTLP JSON lines.")
        if target and failure:
            self._say(f"\n{target.endpoint} did not take the traces: {failure}", "yellow")
        elif target and spans:
            self._say(f"\nThe traces went to {target.endpoint} as well:")
            self._links(spans, target)

    def _links(self, spans: Sequence[Span], target: Target) -> None:
        for which, trace in {"the one above": telling(spans), "the slowest": slowest(spans)}.items():
            self._say(f"  {which}: {target.link(trace[0].trace_id) or trace[0].trace_id}")

    def _say(self, line: str, style: str | None = None) -> None:
        self.console.print(line, style=style, markup=False, soft_wrap=True)


def complain(text: str) -> None:
    """Write to standard error."""
    Console(stderr=True, highlight=False).print(text, style="red", markup=False, soft_wrap=True)
