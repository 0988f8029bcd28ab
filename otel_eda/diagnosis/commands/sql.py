"""`otel-eda sql`."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis import UnusableError

from . import CLEAN, guarded, loaded, sources

if TYPE_CHECKING:
    import argparse

FORMATS = ("table", "csv", "json")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    sources(parser)
    parser.add_argument(
        "question", metavar="SQL", help='for instance "select service, count(*) from operations group by 1"'
    )
    parser.add_argument("--format", choices=FORMATS, help="table on a terminal, else csv")


@guarded
def run(options: argparse.Namespace) -> int:
    """Ask the tables."""
    import duckdb

    from otel_eda.diagnosis import facts
    from otel_eda.diagnosis.settings import Settings

    with loaded(options) as store:
        facts.prepare(store, Settings())
        store.close_doors()
        try:
            cursor = store.connection.execute(options.question)
            names, rows = [column[0] for column in cursor.description or ()], cursor.fetchall()
        except duckdb.Error as error:
            raise UnusableError(str(error).partition("\n")[0]) from error
    _print(options.format or ("table" if sys.stdout.isatty() else "csv"), names, rows)
    return CLEAN


def _print(kind: str, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    if kind == "json":
        for row in rows:
            print(json.dumps(dict(zip(names, row, strict=True)), default=str))
    elif kind == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerows([names, *rows])
    else:
        _table(names, rows)


def _table(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from otel_eda.diagnosis.reports.plain import plain

    table = Table()
    for name in names:
        table.add_column(plain(name))
    for row in rows:
        table.add_row(*[plain("" if value is None else value) for value in row])
    Console().print(table)
