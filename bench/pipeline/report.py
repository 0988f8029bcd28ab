"""The table, and the figures for a chart."""

from __future__ import annotations

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
ESTIMATED = ("spent", "added", "of by hand", "of official")  # figures that have an interval
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
            "arrived at full speed": round(each.arrived_at_full_speed, 4) if each.rates else None,
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


def _figure(estimate: Estimate) -> list[float]:
    return [round(value, 3) for value in (estimate.middle, estimate.low, estimate.high)]


def table(figures: Iterable[Mapping[str, Any]]) -> str:
    """Give the table in Markdown."""
    lines = [HEADINGS, ("---",) * LEFT + ("--:",) * (len(HEADINGS) - LEFT), *map(_cells, figures)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    words = (row["client"], row["way"], row["contender"], row["export"])
    costs = (f"{row['spent'][0]:.1f}", f"{row['added'][0]:.1f}" if row["added"] else "")
    shares = (f"{row['spans']:.2f}", _share(row, "arrived")) if row["export"] else ("", "")
    speed = (f"{row['rate']:,}" if row["rate"] else "", _share(row, "arrived at full speed") if row["export"] else "")
    return (*words, *costs, _interval(row["of by hand"]), _interval(row["of official"]), *shares, *speed)


def chart(about: str, figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the figures as the documentation keeps them: names of columns, and rows; an interval has two columns."""
    rows = [_flat(figure) for figure in figures]
    return {"about": about, "columns": list(rows[0]), "rows": [list(row.values()) for row in rows]}


def _flat(figure: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in figure.items():
        if name not in ESTIMATED:
            made[name] = value
            continue
        parts = (name, f"{name}, low", f"{name}, high")
        made.update(zip(parts, value or (None,) * len(parts), strict=True))
    return made


def _share(row: Mapping[str, Any], name: str) -> str:
    return "" if row[name] is None or not row["spans"] else f"{row[name]:.1%}"


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
