"""`otel-eda export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from typer import Option

from otel_eda.diagnosis import CLEAN, UnusableError
from otel_eda.encodings import valid

from .options import Reading, check_writable, loaded

if TYPE_CHECKING:
    from otel_eda.diagnosis.store import Store

EXAMPLES = (
    "otel-eda export telemetry --table events -o events.csv",
    "otel-eda export telemetry -o tables/ && otel-eda diagnose tables",
)
FORMATS = {".parquet": "PARQUET", ".csv": "CSV", ".json": "JSON", ".jsonl": "JSON"}
TableName = Literal["operations", "metrics", "events"]


def run(
    reading: Reading,
    output: Annotated[
        str,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A .parquet, .csv or .jsonl file; or a folder, with a / at its end, for all tables in Parquet. "
            "All commands read such a folder, too, and much faster.",
        ),
    ],
    table: Annotated[TableName, Option(help="Which table.")] = "operations",
) -> int:
    """Write a table to a file, or all tables to a folder."""
    files = _files(output, table)
    from otel_eda.diagnosis.duck import duckdb

    with loaded(reading) as store:
        try:
            for name, file in files.items():
                _write(store, name, file)
        except duckdb.IOException as error:
            raise UnusableError(str(error).partition("\n")[0]) from error
    return CLEAN


def _files(output: str, table: TableName) -> dict[TableName, Path]:
    """Return the file of each table that is to be written; make their folder if it is not there."""
    if valid(output) != output:
        raise UnusableError(f"{valid(output)}: the name is not UTF-8")
    if output.endswith("/"):
        Path(output).mkdir(parents=True, exist_ok=True)
        return {name: Path(output, f"{name}.parquet") for name in get_args(TableName)}
    if Path(output).suffix not in FORMATS:
        raise UnusableError(f"{Path(output).name}: its name must end in {', '.join(FORMATS)}")
    check_writable(Path(output))
    return {table: Path(output)}


def _write(store: "Store", table: TableName, file: Path) -> None:
    quoted = str(file).replace("'", "''")
    store.connection.execute(f"COPY {table} TO '{quoted}' (FORMAT {FORMATS[file.suffix]})")
