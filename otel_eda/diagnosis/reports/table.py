"""The table of findings: columns where there is room for them, otherwise a few lines for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_eda.diagnosis import plural
from otel_eda.diagnosis.finding import Verdict
from otel_eda.diagnosis.settings import SECOND

from .plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from otel_eda.diagnosis.facts import Period

    from .rows import Row

STYLES = {Verdict.CONFIRMED: "bold red", Verdict.LIKELY: "yellow", Verdict.SUSPECT: "dim"}
NARROW = 100  # columns of a terminal, below which a table would have cells of a word
DAY = 86_400 * SECOND


class Findings:
    """Findings in rows, as wide as the terminal; dates are written if the window has several days."""

    def __init__(self, rows: Sequence[Row], window: Period) -> None:
        self.rows = rows
        self.date = window.first // DAY != window.last // DAY

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table, or the lines."""
        if options.max_width < NARROW:
            for row in self.rows:
                yield from self._lines(row)
        else:
            yield self._table()

    def _table(self) -> Table:
        drawn = Table(box=SIMPLE, show_edge=False, padding=(0, 1, 0, 0))
        for column in ("code", "verdict", "what", "where", "when (UTC)"):
            drawn.add_column(column, no_wrap=column not in {"what", "where"})
        drawn.add_column("count", justify="right")
        drawn.add_column("proof")
        for row in self.rows:
            drawn.add_row(
                row.first.code,
                _verdict(row),
                row.first.title,
                plain(row.place()),
                "\n".join(row.times(date=self.date)),
                f"{row.count:,}",
                plain(row.first.detail or ""),
            )
        return drawn

    def _lines(self, row: Row) -> Iterator[RenderableType]:
        first = row.first
        yield Text.assemble("\n", (first.code, "bold"), "  ", _verdict(row), f"  {first.title}")
        where = plain(row.place(), "bold")
        when = f"{plural(row.count, 'time')}, {' to '.join(row.times(date=self.date))} UTC"
        for text in (where, Text(when), plain(first.detail or "")):
            yield Padding(text, (0, 0, 0, 4))


def _verdict(row: Row) -> Text:
    return Text(row.first.verdict.name, style=STYLES[row.first.verdict])
