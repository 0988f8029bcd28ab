"""Spans for people: one trace as a tree, the destinations as a table."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .flow import Destination, Times
    from .telemetry import Event, Span

COLOURS = ("cyan", "magenta", "green", "blue", "yellow")
ROOT = ""
GAP = (0, 1, 0, 0)  # on the right only, so that the table fits a terminal of 80 columns


def tree(trace: Sequence[Span]) -> Tree:
    """Draw a trace: under every span the spans it caused, with service, name, kind, start, duration and error."""
    children = _children(trace)
    colours = _colours(trace)
    begin = min(span.start for span in trace)
    top = Tree(Text(f"trace {trace[0].trace_id}", style="bold"))
    _grow(top, ROOT, children, colours, begin)
    return top


def _children(trace: Sequence[Span]) -> Mapping[str, list[Span]]:
    known = {span.span_id for span in trace}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(trace, key=lambda span: span.start):
        children[span.parent_id if span.parent_id in known else ROOT].append(span)
    return children


def _colours(trace: Iterable[Span]) -> Mapping[str, str]:
    services = list(dict.fromkeys(span.service for span in trace))
    return {service: COLOURS[number % len(COLOURS)] for number, service in enumerate(services)}


def _grow(at: Tree, parent: str, children: Mapping[str, list[Span]], colours: Mapping[str, str], begin: int) -> None:
    for span in children.get(parent, ()):
        branch = at.add(_line(span, colours[span.service], begin))
        _grow(branch, span.span_id, children, colours, begin)


def _line(span: Span, colour: str, begin: int) -> Text:
    line = Text.assemble(
        (span.service, f"bold {colour}"),
        "  ",
        (span.name, "bold"),
        "  ",
        (span.kind.lower(), "dim"),
        f"  {milliseconds(span.duration)} ms",
        (f"  +{milliseconds(span.start - begin)} ms", "dim"),
    )
    return line.append(f"\nERROR {reason(span)}", style="bold red") if span.error else line


def reason(span: Span) -> str:
    """Say why a span failed: its exception if it has one, else its status or the type of its error."""
    exceptions = [event for event in span.events if event.name == "exception"]
    fallback = span.message or str(span.attributes.get("error.type", "unknown"))
    return _exception(exceptions[-1]) if exceptions else fallback


def _exception(event: Event) -> str:
    kind = str(event.attributes.get("exception.type", "")).rpartition(".")[2]
    return f"{kind}: {event.attributes.get('exception.message', '')!s}"


def table(destinations: Iterable[Destination]) -> Table:
    """Lay out the destinations, a row each; times are `p50 / p95` in milliseconds."""
    drawn = Table(
        title="Destinations (times: p50 / p95 in ms)",
        title_style="bold",
        title_justify="left",
        box=SIMPLE,
        show_edge=False,
        padding=GAP,
    )
    drawn.add_column("destination", style="bold")
    for column in ("sent", "processed", "errors", "send", "queue", "process"):
        drawn.add_column(column, justify="right")
    for destination in destinations:
        drawn.add_row(*_row(destination))
    return drawn


def _row(of: Destination) -> list[str | Text]:
    errors = Text(str(of.errors), style="bold red" if of.errors else "dim")
    times = [_pair(given) for given in (of.send, of.queue, of.process)]
    return [of.name, str(of.sent), str(of.processed), errors, *times]


def _pair(times: Times) -> str:
    return f"{milliseconds(times.quantile(0.5))} / {milliseconds(times.quantile(0.95))}"


def milliseconds(nanoseconds: int | None) -> str:
    """Write a duration given in nanoseconds as milliseconds with about three significant digits, `-` for none."""
    if nanoseconds is None:
        return "-"
    value = nanoseconds / 1e6
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"
