"""Draws the aggregates on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

from otel_eda import semconv
from otel_eda.diagnosis.reports.plain import plain

from .aggregates import INTEGRITY, DestinationRow, GroupRow
from .keys import SORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from .aggregates import Aggregates
    from .keys import Keys

DESTINATION_ORDERS: Mapping[str, Callable[[DestinationRow], Any]] = {
    "name": lambda row: row.name,
    "rate": lambda row: (-row.sending - row.processing, row.name),
    "failed": lambda row: (-row.unsent - row.failed, row.name),
    "lag": lambda row: (row.processing - row.sending, row.name),
}
GROUP_ORDERS: Mapping[str, Callable[[GroupRow], Any]] = {
    "name": lambda row: (row.name, row.destination),
    "rate": lambda row: (-(row.in_flight or 0), row.name),
    "failed": lambda row: (-sum(row.integrity), row.name),
    "lag": lambda row: (-(row.lag or 0), -(row.behind or 0), row.name),
}
OTHER_LINES = 9  # lines that are not rows: titles, headings, notes


class AggregatesScreen:
    """The aggregates at the time they are drawn, as many rows as there is room for."""

    def __init__(self, aggregates: Aggregates, title: str, keys: Keys | None = None) -> None:
        self.aggregates, self.title, self.keys = aggregates, title, keys
        self.notes: list[str] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what fits into the height of the console."""
        height = options.height or (console.height if console.is_terminal else 10_000)
        yield Group(*self._parts(max(height - OTHER_LINES - len(self.notes), 4) // 2))

    def _parts(self, rows: int) -> Iterable[RenderableType]:
        yield plain(
            f"{self.title}   {self.aggregates.services()} services, {len(self.aggregates.series)} series", "dim"
        )
        if self.keys:
            yield plain(self.keys.status, "dim")
        (destinations, more), (groups, others) = self._destinations(rows), self._groups(rows)
        if destinations:
            yield _destinations(destinations)
        if groups:
            yield _groups(groups)
        if not destinations and not groups:
            yield Text("no metrics yet: they come with OTEL_METRICS_EXPORTER=otlp", "dim")
        yield from (plain(note, "yellow") for note in (*self._problems(more, others), *self.notes))

    def _destinations(self, most: int) -> tuple[list[DestinationRow], int]:
        if self.keys is None or (self.keys.sort == SORTS[0] and not self.keys.filter):
            return self.aggregates.destinations(most)
        found = [row for row in self.aggregates.destinations()[0] if self.keys.fits(row.name)]
        found.sort(key=DESTINATION_ORDERS[self.keys.sort])
        return found[:most], len(found[most:])

    def _groups(self, most: int) -> tuple[list[GroupRow], int]:
        if self.keys is None or (self.keys.sort == SORTS[0] and not self.keys.filter):
            return self.aggregates.groups(most)
        found = [row for row in self.aggregates.groups()[0] if self.keys.fits(row.name, row.destination)]
        found.sort(key=GROUP_ORDERS[self.keys.sort])
        return found[:most], len(found[most:])

    def _problems(self, destinations: int, groups: int) -> Iterable[str]:
        for number, what in (
            (destinations, "more destinations"),
            (groups, "more groups"),
            (self.aggregates.total(semconv.UNHANDLED), "events without a handler"),
            (self.aggregates.total(semconv.FAILURES), "failed steps of otel-eda: see otel-eda doctor"),
        ):
            if number:
                yield f"{number:,} {what}"
        yield from self.aggregates.notes()


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        left = name in {"destination", "group", "from"}
        least = 5 if name in {"lag", "skipped"} else None  # so they are cut last where there is no room
        table.add_column(name, justify="left" if left else "right", no_wrap=True, overflow="ellipsis", min_width=least)
    return table


def _destinations(rows: Iterable[DestinationRow]) -> Table:
    table = _table("destination", "sent", "/s", "unsent", "processed", "/s", "failed", "took ms")
    for row in rows:
        table.add_row(
            plain(row.name, "bold"), f"{row.sent:,}", f"{row.sending:,.1f}", _count(row.unsent), f"{row.processed:,}",
            f"{row.processing:,.1f}", _count(row.failed), "" if row.took is None else f"{row.took * 1000:,.1f}",
        )  # fmt: skip
    return table


def _groups(rows: Iterable[GroupRow]) -> Table:
    table = _table("group", "from", "lag", "behind s", "at work", "oldest s", "poll s", *INTEGRITY)
    for row in rows:
        table.add_row(
            plain(row.name, "bold"), plain(row.destination), _number(row.lag), _time(row.behind),
            _number(row.in_flight), _time(row.oldest), _time(row.polled), *map(_count, row.integrity),
        )  # fmt: skip
    return table


def _count(number: int) -> Text:
    return Text(f"{number:,}", "bold red" if number else "")


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.1f}"
