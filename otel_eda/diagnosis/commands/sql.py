"""`otel-eda sql`."""

import csv
import json
import sys
from typing import Annotated, Any, Literal

from typer import Argument, Option

from otel_eda.diagnosis import CLEAN, UnusableError
from otel_eda.encodings import valid

from .options import Reading, loaded

EXAMPLES = (
    'otel-eda sql telemetry "select service, count(*) from operations group by 1"',
    'otel-eda sql telemetry "from events" --format json',
)
AnswerFormat = Literal["table", "csv", "json"]


def run(
    reading: Reading,
    question: Annotated[str, Argument(metavar="SQL", show_default=False, help="A statement over the tables.")],
    format_: Annotated[
        AnswerFormat | None,
        Option("--format", show_default="table on a terminal, else csv", help="How the answer is written."),
    ] = None,
) -> int:
    """Ask the tables."""
    from otel_eda.diagnosis import facts
    from otel_eda.diagnosis.duck import duckdb
    from otel_eda.diagnosis.settings import Bounds

    with loaded(reading) as store:
        facts.prepare(store, Bounds())
        store.close_doors()
        try:
            cursor = store.connection.execute(valid(question))
            names, rows = [column[0] for column in cursor.description or ()], cursor.fetchall()
        except duckdb.Error as error:
            raise UnusableError(str(error).partition("\n")[0]) from error
    _print(format_ or ("table" if sys.stdout.isatty() else "csv"), names, rows)
    return CLEAN


def _print(kind: AnswerFormat, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    if kind == "json":
        for row in rows:
            print(json.dumps(dict(zip(names, row, strict=True)), default=str))
    elif kind == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerows([names, *rows])
    else:
        _print_table(names, rows)


def _print_table(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from otel_eda.diagnosis.reports.plain import plain

    table = Table()
    for name in names:
        table.add_column(plain(name))
    for row in rows:
        table.add_row(*[plain("" if value is None else value) for value in row])
    Console().print(table)
