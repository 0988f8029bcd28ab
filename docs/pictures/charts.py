"""Draws the charts of the documentation beside this file, from `figures.json`: `python docs/pictures/charts.py`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = Path(__file__).parent
FIGURES: dict[str, dict[str, Any]] = json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))
WIDTH, LABEL, VALUE = 760, 200, 56  # of the picture, of the names at the left, of the numbers at the right; pixels
BAR, GAP, TOP = 14, 12, 66  # height of a bar, space between groups, height of title and legend; pixels
STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.quiet { fill: #57606a }
.ours { fill: #1f6feb } .other { fill: #bf6a02 } .hand { fill: #8c959f } .light { fill: #79b8ff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.quiet { fill: #9198a1 }
.ours { fill: #4493f8 } .other { fill: #db8b30 } .hand { fill: #767d86 } .light { fill: #1b4b91 }
}"""


@dataclass(frozen=True)
class Chart:
    """Horizontal bars: for each group one bar of each series, with its value written at the end."""

    title: str
    series: Mapping[str, str]  # what a series is called, and the class of its colour
    groups: Mapping[str, Sequence[float | None]]  # the values in the order of the series, None where there is none
    unit: str
    digits: int = 0

    def draw(self) -> str:
        """Return the chart as SVG that is readable on a light and on a dark ground."""
        most = max(value for values in self.groups.values() for value in values if value is not None)
        parts, y = [*self._head()], TOP
        for name, values in self.groups.items():
            bars = zip(self.series.values(), values, strict=True)
            shown = [(kind, value) for kind, value in bars if value is not None]
            parts.append(_text(LABEL - 10, y + len(shown) * BAR / 2 + 5, name, 'text-anchor="end"'))
            for kind, value in shown:
                parts += self._bar(y, kind, value, value / most * (WIDTH - LABEL - VALUE))
                y += BAR
            y += GAP
        size = f'viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}"'
        body = "\n".join(parts)
        title = f"<title>{escape(self.title)}</title>"
        return f'<svg {size} xmlns="http://www.w3.org/2000/svg">\n{title}\n<style>\n{STYLE}\n</style>\n{body}\n</svg>\n'

    def _head(self) -> list[str]:
        parts, x = [_text(0, 18, self.title, 'class="title"')], 0.0
        for name, kind in self.series.items():
            parts.append(f'<rect class="{kind}" x="{x:.0f}" y="33" width="12" height="12"/>')
            parts.append(_text(x + 18, 44, name, 'class="quiet"'))
            x += 18 + 7.2 * len(name) + 22
        return parts

    def _bar(self, y: float, kind: str, value: float, width: float) -> list[str]:
        rect = f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR - 2}"/>'
        return [rect, _text(LABEL + width + 6, y + BAR - 4, f"{value:.{self.digits}f}{self.unit}", 'class="quiet"')]


def _text(x: float, y: float, content: str, more: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(content)}</text>'


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of one table of figures, each by the names of its columns."""
    table = FIGURES[name]
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def core() -> Chart:
    """Return the chart of the share of a core that 1,000 messages a second take, export included."""
    series = {"official, traces": "other", "otel-eda, traces": "light", "otel-eda, traces and metrics": "ours"}
    # A microsecond for each of 1,000 messages is a thousandth of a second: a tenth of a per cent.
    found = {
        (row["client"], row["way"], row["contender"]): row["added"] / 10
        for row in rows("pipeline")
        if row["export"] == "http"
    }
    ways = dict.fromkeys((client, way) for client, way, _ in found)
    groups = {f"{client}, {way}": [found.get((client, way, name)) for name in series] for client, way in ways}
    return Chart("Share of one core that telemetry takes at 1,000 messages a second", series, groups, " %", 1)


def messages() -> Chart:
    """Return the chart of what is added to each message without export."""
    series = {"official": "other", "by hand": "hand", "otel-eda": "ours"}
    short = {"send, acknowledged": "send", "for message in consumer": "loop", "poll, iterate the batch": "poll"}
    groups = {
        f"{short[row['scenario']]}, {row['configuration']}": [row[name] for name in series] for row in rows("messages")
    }
    return Chart("Processor time added to each message, without export (kafka-python)", series, groups, " µs", 1)


def clients() -> Chart:
    """Return the chart of what traces and metrics add to a message of every client, without export."""
    series = {"by hand, traces and metrics": "hand", "otel-eda, traces and metrics": "ours"}
    groups = {
        f"{row['library']}, {row['direction']}": [row["by hand, all"], row["otel-eda, all"]] for row in rows("clients")
    }
    return Chart("Processor time added to each message, without export", series, groups, " µs")


CHARTS = {"core.svg": core, "messages.svg": messages, "clients.svg": clients}


def main() -> None:
    """Write every chart."""
    for name, chart in CHARTS.items():
        (FOLDER / name).write_text(chart().draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
