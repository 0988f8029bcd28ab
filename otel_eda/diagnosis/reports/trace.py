"""One event's spans, as a tree."""

from __future__ import annotations

from collections import defaultdict
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from otel_eda.diagnosis.trace import missing

from .plain import moment, plain

if TYPE_CHECKING:
    from otel_eda.diagnosis.trace import Span

MOST_LEVELS = 100
COLOURS = ("cyan", "magenta", "green", "blue", "yellow")  # of services, in the order of their first span


def write(spans: list[Span], file: IO[str]) -> None:
    """Write the tree of the spans, and below it what is missing."""
    console = Console(file=file, highlight=False, width=None if file.isatty() else 160)
    traces = list(dict.fromkeys(span.trace_id for span in spans))
    top = Tree(Text(f"{moment(spans[0].started)}  trace {', '.join(traces)}", style="bold"))
    _Tree(spans).grow(top, "")
    console.print(top)
    for line in missing(spans):
        console.print(plain(f"Missing: {line}", "yellow"))


class _Tree:
    """Spans below the spans that caused them; each once, even if the telemetry has a circle."""

    def __init__(self, spans: list[Span]) -> None:
        here = {span.span_id for span in spans}
        self.begin = spans[0].started
        self.below: dict[str, list[Span]] = defaultdict(list)
        self.seen: set[str] = set()
        services = dict.fromkeys(span.service for span in spans)
        self.colours = {service: COLOURS[number % len(COLOURS)] for number, service in enumerate(services)}
        for span in spans:
            self.below[span.cause if span.cause in here and span.cause != span.span_id else ""].append(span)

    def grow(self, at: Tree, cause: str, depth: int = 0) -> None:
        for span in self.below[cause]:
            branch = at.add(_line(span, self.begin, self.colours[span.service]))
            if span.span_id not in self.seen and depth < MOST_LEVELS:
                self.seen.add(span.span_id)
                self.grow(branch, span.span_id, depth + 1)


def _line(span: Span, begin: int, colour: str) -> Text:
    line = Text.assemble(plain(span.service, f"bold {colour}"), "  ", plain(span.name, "bold"))
    if span.offset is not None:
        line.append_text(plain(f"  [{span.partition}]@{span.offset}"))
    if span.attempt > 1:
        line.append(f"  attempt {span.attempt}", style="yellow")
    line.append(f"  {(span.ended - span.started) / 1e6:.2f} ms  +{(span.started - begin) / 1e6:.2f} ms", style="dim")
    if span.outcome != "ok":
        text = " ".join(filter(None, [span.outcome.upper(), span.error, span.error_text]))
        line.append("\n").append_text(plain(text, "bold red"))
    return line
