"""One event's way, as a tree."""

from __future__ import annotations

from collections import defaultdict
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from otel_eda.diagnosis.way import missing

from .plain import moment, plain

if TYPE_CHECKING:
    from otel_eda.diagnosis.way import Step

DEEPEST = 100
COLOURS = ("cyan", "magenta", "green", "blue", "yellow")  # of services, in the order of their first step


def write(steps: list[Step], file: IO[str]) -> None:
    """Write the way."""
    console = Console(file=file, highlight=False, width=None if file.isatty() else 160)
    traces = list(dict.fromkeys(step.trace_id for step in steps))
    top = Tree(Text(f"{moment(steps[0].started)}  trace {', '.join(traces)}", style="bold"))
    _Tree(steps).grow(top, "")
    console.print(top)
    for line in missing(steps):
        console.print(plain(f"Missing: {line}", "yellow"))


class _Tree:
    """Steps below what caused them; each once, whatever a telemetry says that goes in circles."""

    def __init__(self, steps: list[Step]) -> None:
        here = {step.span_id for step in steps}
        self.begin = steps[0].started
        self.below: dict[str, list[Step]] = defaultdict(list)
        self.seen: set[str] = set()
        services = dict.fromkeys(step.service for step in steps)
        self.colours = {service: COLOURS[number % len(COLOURS)] for number, service in enumerate(services)}
        for step in steps:
            self.below[step.cause if step.cause in here and step.cause != step.span_id else ""].append(step)

    def grow(self, at: Tree, cause: str, depth: int = 0) -> None:
        for step in self.below[cause]:
            branch = at.add(_line(step, self.begin, self.colours[step.service]))
            if step.span_id not in self.seen and depth < DEEPEST:
                self.seen.add(step.span_id)
                self.grow(branch, step.span_id, depth + 1)


def _line(step: Step, begin: int, colour: str) -> Text:
    line = Text.assemble(plain(step.service, f"bold {colour}"), "  ", plain(step.name, "bold"))
    if step.offset is not None:
        line.append_text(plain(f"  [{step.partition}]@{step.offset}"))
    if step.attempt > 1:
        line.append(f"  attempt {step.attempt}", style="yellow")
    line.append(f"  {(step.ended - step.started) / 1e6:.2f} ms  +{(step.started - begin) / 1e6:.2f} ms", style="dim")
    if step.outcome != "ok":
        said = " ".join(filter(None, [step.outcome.upper(), step.error, step.error_text]))
        line.append("\n").append_text(plain(said, "bold red"))
    return line
