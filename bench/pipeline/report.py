"""The table, and the figures for a chart."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.contenders import BARE, HAND, OFFICIAL, OURS, TRACES
from bench.rounds import Estimate

from .contenders import DATADOG, Contender

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bench.clients import Library

    from .rounds import Found

    All = Mapping[Contender, Found]

NAMES = {BARE: "bare", HAND: "by hand", OFFICIAL: "official", OURS: "otel-eda", DATADOG: "Datadog"}
CONFIGS = {"nothing": "", TRACES: ", traces", "all": ", traces and metrics"}
HEADINGS = (
    "client",
    "way",
    "contender",
    "export",
    "µs a message",
    "added to bare",
    "of by hand",
    "of official, traces",
    "spans a message",
    "arrived",
    "messages a second",
    "arrived at full speed",
)
LEFT = 4  # columns of words
# Figures that have an interval; that of what arrived at full speed is from the worst to the best of the runs.
ESTIMATED = ("spent", "added", "of by hand", "of official", "arrived at full speed")
PACKAGES = ("opentelemetry-sdk", "opentelemetry-instrumentation-kafka-python", "ddtrace", "otel-eda")


def label(contender: Contender) -> str:
    """Give a contender's name."""
    tree = f" of {Path(contender.tree).name}" if contender.tree else ""
    return f"{NAMES[contender.who]}{tree}{CONFIGS[contender.config]}"


def rows(library: Library, way: str, found: All) -> Iterator[dict[str, Any]]:
    """Give the figures of each contender with one client."""
    for contender, each in found.items():
        yield {
            "client": library.name,
            "way": way,
            "contender": label(contender),
            "export": contender.protocol,
            "spent": _figure(Estimate.of(each.spent)),
            "added": _figure(Estimate.of(added(found, contender))) if contender.who != BARE else None,
            "of by hand": _ratio(found, contender, HAND, contender.config),
            "of official": _ratio(found, contender, OFFICIAL, TRACES),
            "spans": round(each.spans, 3),
            "arrived": round(each.arrived, 4),
            "rate": round(median(each.rates)) if each.rates else None,
            "arrived at full speed": _range(each.arrived_at_full_speed) if each.spans else None,
        }


def added(found: All, contender: Contender) -> list[float]:
    """Give, for each round, what a contender adds to the bare client."""
    bare = next(each for other, each in found.items() if other.who == BARE)
    return [mine - base for mine, base in zip(found[contender].spent, bare.spent, strict=True)]


def _ratio(found: All, contender: Contender, who: str, config: str) -> list[float] | None:
    other = Contender(who, config, contender.protocol)
    if other not in found or contender.who in {BARE, who}:
        return None
    pairs = zip(added(found, contender), added(found, other), strict=True)
    return _figure(Estimate.of([mine / max(theirs, 0.01) for mine, theirs in pairs]))


def _range(values: Sequence[float]) -> list[float] | None:
    return [round(find(values), 4) for find in (median, min, max)] if values else None


def _figure(estimate: Estimate) -> list[float]:
    return [round(value, 3) for value in (estimate.middle, estimate.low, estimate.high)]


def table(figures: Iterable[Mapping[str, Any]]) -> str:
    """Give the table in Markdown."""
    lines = [HEADINGS, ("---",) * LEFT + ("--:",) * (len(HEADINGS) - LEFT), *map(_cells, figures)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    words = (row["client"], row["way"], row["contender"], row["export"])
    costs = (f"{row['spent'][0]:.1f}", f"{row['added'][0]:.1f}" if row["added"] else "")
    shares = (f"{row['spans']:.2f}", f"{row['arrived']:.1%}") if row["export"] else ("", "")
    speed = (f"{row['rate']:,}" if row["rate"] else "", _shares(row["arrived at full speed"]))
    return (*words, *costs, _interval(row["of by hand"]), _interval(row["of official"]), *shares, *speed)


def chart(about: str, figures: Sequence[Mapping[str, Any]]) -> str:
    """Give the figures as the documentation keeps them, in JSON: columns, then rows."""
    rows = [_flat(figure) for figure in figures]
    lines = ",\n".join(f"  {json.dumps(list(row.values()))}" for row in rows)
    head = f'"about": {json.dumps(about)},\n "columns": {json.dumps(list(rows[0]))}'
    return f'{{\n {head},\n "rows": [\n{lines}\n ]\n}}\n'


def _flat(figure: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in figure.items():
        if name not in ESTIMATED:
            made[name] = value
            continue
        parts = (name, f"{name}, low", f"{name}, high")
        made.update(zip(parts, value or (None,) * len(parts), strict=True))
    return made


def _shares(figure: Sequence[float] | None) -> str:
    if not figure:
        return ""
    _, worst, best = (f"{share:.1%}" for share in figure)
    return worst if worst == best else f"{worst} to {best}"


def _interval(figure: Sequence[float] | None) -> str:
    return f"{figure[0]:.2f} ({figure[1]:.2f} to {figure[2]:.2f})" if figure else ""


def machine(libraries: Iterable[Library]) -> str:
    """Tell what this runs on, and how busy that was in the last minute."""
    names = (*(library.name.replace("_", "-") for library in libraries), *PACKAGES)
    packages = ", ".join(f"{name} {found}" for name in names if (found := _version(name)))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {python}, {packages}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
