"""`otel-eda export`."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from otel_eda.diagnosis import CLEAN, UnusableError
from otel_eda.encodings import valid

from .options import Reading, loaded

EXAMPLES = (
    "otel-eda export telemetry -o operations.parquet",
    "otel-eda export telemetry --table events -o events.csv",
)
FORMATS = {".parquet": "PARQUET", ".csv": "CSV", ".json": "JSON", ".jsonl": "JSON"}
TableName = Literal["operations", "metrics", "events"]


def run(
    reading: Reading,
    output: Annotated[Path, Option("-o", "--output", metavar="FILE", help="A .parquet, .csv or .jsonl file.")],
    table: Annotated[TableName, Option(help="Which table.")] = "operations",
) -> int:
    """Write a table to a file."""
    kind = FORMATS.get(output.suffix)
    if kind is None:
        raise UnusableError(f"{output.name}: its name must end in {', '.join(FORMATS)}")
    if valid(output) != str(output):
        raise UnusableError(f"{output}: the name is not UTF-8")
    import duckdb

    with loaded(reading) as store:
        try:
            store.connection.table(table).query(
                "rows", f"COPY (FROM rows) TO '{str(output).replace(chr(39), chr(39) * 2)}' (FORMAT {kind})"
            )
        except duckdb.IOException as error:
            raise UnusableError(str(error).partition("\n")[0]) from error
    return CLEAN
