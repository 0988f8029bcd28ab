"""The tables."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from .contenders import ALL, HAND, NOTHING, OFF, OFF_ALL, OFFICIAL, OURS, SCENARIOS, TRACES, Entry
from .rounds import BASE, Estimate, added, noise, ratios

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .rounds import Round

NAMES = {
    NOTHING: "nothing records",
    TRACES: "traces",
    ALL: "traces + metrics",
    OFF: "sampled out",
    OFF_ALL: "sampled out + metrics",
}
ABOUT = {"send": "send, acknowledged", "loop": "for message in consumer", "batch": "poll, iterate the batch"}
PACKAGES = ("kafka-python", "opentelemetry-sdk", "opentelemetry-instrumentation-kafka-python")
ALLOWED = 3.0  # microseconds where nothing records
LEDGER = 1.0  # microseconds

console = Console(width=None if os.isatty(1) else 118, highlight=False)


@dataclass(frozen=True)
class Goal:
    """What ours may cost, relative to another contender."""

    config: str
    other: Entry
    limit: float


GOALS = (
    Goal(TRACES, Entry(HAND, TRACES), 1.15),
    Goal(ALL, Entry(HAND, ALL), 1.15),
    Goal(OFF, Entry(HAND, OFF), 1.3),
    Goal(OFF_ALL, Entry(HAND, OFF_ALL), 1.3),
    Goal(ALL, Entry(OFFICIAL, TRACES), 1.0),
)


def machine() -> str:
    """Tell what this ran on."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}, {packages}"


def costs(rounds: Sequence[Round]) -> Table:
    """Give the table of what everyone adds to the library's own cost."""
    table = titled("What is added to each message, in µs of processor time (median of the rounds)")
    for heading in ("scenario", "configuration", "library", "by hand", "ours", "official"):
        table.add_column(heading, justify="left" if heading in {"scenario", "configuration"} else "right")
    for scenario in SCENARIOS:
        for config, name in NAMES.items():
            entries = (Entry(HAND, config), Entry(OURS, config), Entry(OFFICIAL, config))
            cells = (_cost(rounds, entry, scenario) for entry in entries)
            bare = f"{median(each[BASE, scenario] for each in rounds):.1f}"
            table.add_row(ABOUT[scenario], name, bare, *cells, end_section=config == OFF_ALL)
    return table


def _cost(rounds: Sequence[Round], entry: Entry, scenario: str) -> str:
    known = (entry, scenario) in rounds[0] and not (entry.who == OFFICIAL and scenario == "batch")
    return f"{median(added(rounds, entry, scenario)):.1f}" if known else "-"


def goals(rounds: Sequence[Round]) -> Table:
    """Give the table of the goals."""
    table = titled("The goals (what ours adds, against what the other adds)")
    for heading in ("scenario", "configuration", "against", "is", "95 % interval", "goal", "reached"):
        table.add_column(heading, justify="right" if heading in {"is", "goal"} else "left")
    for scenario in SCENARIOS:
        spent = Estimate.of(added(rounds, Entry(OURS, NOTHING), scenario))
        _row(table, (scenario, NOTHING, "bare library"), spent, ALLOWED, " µs")
        for goal in GOALS:
            if goal.other.who == OFFICIAL and scenario == "batch":
                continue  # it does not instrument `poll`
            ratio = Estimate.of(ratios(rounds, Entry(OURS, goal.config), goal.other, scenario))
            against = "by hand" if goal.other.who == HAND else "official, traces"
            _row(table, (scenario, goal.config, against), ratio, goal.limit, "")
        table.add_section()
    return table


def _row(table: Table, what: tuple[str, str, str], is_: Estimate, limit: float, unit: str) -> None:
    scenario, config, against = what
    reached = "[green]yes[/]" if is_.middle <= limit else "[red]no[/]"
    interval = f"{is_.low:.2f} to {is_.high:.2f}"
    table.add_row(
        ABOUT[scenario], NAMES[config], against, f"{is_.middle:.2f}{unit}", interval, f"{limit:g}{unit}", reached
    )


def noisy(rounds: Sequence[Round]) -> str:
    """Tell how noisy it was."""
    return f"{len(rounds)} rounds; half of them are within {noise(rounds):.0%} of each other"


def ledger(spent: float) -> str:
    """Tell what the ledger takes of that."""
    reached = "reached" if spent <= LEDGER else "not reached"
    return f"The ledger takes {spent:.2f} µs a message, begin and end (goal {LEDGER:g} µs, {reached})"


def memory(seen: Mapping[str, Sequence[tuple[int, int]]], count: int) -> Table:
    """Give the table of memory: after the first tenth, at the end."""
    table = titled(f"Memory over {count:,} messages, traces + metrics (after the first tenth, and at the end)")
    for heading in ("scenario", "resident MiB", "", "live blocks", "", "blocks for each message"):
        table.add_column(heading, justify="left" if heading == "scenario" else "right")
    for scenario, points in seen.items():
        (first, blocks), (last, left) = points[0], points[-1]
        each = (left - blocks) / (count * 0.9)
        sizes = (f"{first / 2**20:.1f}", f"{last / 2**20:.1f}", f"{blocks:,}", f"{left:,}", f"{each:.5f}")
        table.add_row(ABOUT[scenario], *sizes)
    return table


def throughput(found: Mapping[Entry, Sequence[Mapping[str, float]]], broker: str, count: int) -> Table:
    """Give the table of messages a second."""
    table = titled(f"Through {broker}: messages a second (median of {len(found[BASE])} runs of {count:,} messages)")
    for heading in ("contender", "configuration", "send and flush", "of bare", "loop", "of bare"):
        table.add_column(heading, justify="left" if heading in {"contender", "configuration"} else "right")
    for entry in found:
        cells = []
        for scenario in ("send", "loop"):
            rate, bare = (median(run[scenario] for run in found[each]) for each in (entry, BASE))
            cells += [f"{rate:,.0f}", f"{rate / bare:.2f}"]
        table.add_row(entry.who, NAMES[entry.config], *cells)
    return table


def steps(profiles: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[Table]:
    """Give the tables of where the time goes."""
    parts = titled("Where the time goes, traces + metrics: µs a message as cProfile sees it, which makes all slower")
    names = ("kafka-python", "OpenTelemetry", "by hand", "ours", "Python")
    for heading in ("scenario", "contender", *names):
        parts.add_column(heading, justify="right" if heading in names else "left")
    tables = [parts]
    for (scenario, who), profile in profiles.items():
        spent = profile["parts"]
        parts.add_row(ABOUT[scenario], who, *(f"{spent.get(name, 0.0):.1f}" for name in names))
        if who == OURS:
            tables.append(_functions(scenario, profile["functions"]))
    return tables


def _functions(scenario: str, functions: Mapping[str, float]) -> Table:
    table = titled(f"{ABOUT[scenario]}: our functions, own time")
    table.add_column("function")
    table.add_column("µs a message", justify="right")
    for name, spent in functions.items():
        table.add_row(name, f"{spent:.2f}")
    return table


def titled(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
