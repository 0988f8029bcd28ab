"""`otel-eda export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError, columns

from . import CLEAN, guarded, loaded, sources

if TYPE_CHECKING:
    import argparse

FORMATS = {".parquet": "PARQUET", ".csv": "CSV", ".json": "JSON", ".jsonl": "JSON"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    sources(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="a .parquet, .csv or .jsonl file"
    )
    parser.add_argument("--table", choices=sorted(columns.TABLES), default="operations", help="(operations)")


@guarded
def run(options: argparse.Namespace) -> int:
    """Write a table to a file."""
    kind = FORMATS.get(options.output.suffix)
    if kind is None:
        raise UnusableError(f"{options.output.name}: its name must end in {', '.join(FORMATS)}")
    import duckdb

    with loaded(options) as store:
        try:
            store.connection.table(options.table).query(
                "rows", f"COPY (FROM rows) TO '{str(options.output).replace(chr(39), chr(39) * 2)}' (FORMAT {kind})"
            )
        except duckdb.IOException as error:
            raise UnusableError(str(error).partition("\n")[0]) from error
    return CLEAN
