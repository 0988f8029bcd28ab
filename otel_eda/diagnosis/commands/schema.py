"""`otel-eda schema`."""

from typing import Annotated, Literal

from typer import Argument, Option

from otel_eda.diagnosis import CLEAN

EXAMPLES = (
    "otel-eda schema clickhouse",
    "otel-eda schema clickhouse --database eda --source otel --view",
)
Engine = Literal["clickhouse"]


def run(
    engine: Annotated[Engine, Argument(show_default=False, help="What the tables are made in.")],  # noqa: ARG001
    *,
    database: Annotated[str, Option(metavar="NAME", help="The database of the tables.")] = "eda",
    source: Annotated[str, Option(metavar="NAME", help="The database that the Collector's exporter fills.")] = "otel",
    view: Annotated[
        bool, Option("--view", help="Also views that fill the tables with each insert; a comment says at what risk.")
    ] = False,
    cluster: Annotated[
        str | None, Option(metavar="NAME", help="Tables over the shards of this cluster, by destination.")
    ] = None,
) -> int:
    """Print the statements; they are run by nobody but you."""
    from otel_eda.diagnosis.engines.clickhouse_schema import statements

    for statement in statements(database, source, cluster, view=view):
        print(f"{statement};\n")
    return CLEAN
