"""How far groups are behind, as their clients report it: the series from which predictions are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.diagnosis.prediction.measures import measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

    from otel_eda.diagnosis.prediction.measures import Measured

    from .asking import PartTables

BEFORE_SECONDS = 300.0  # that levels are read before the time that is asked about: five of the SDK's default intervals
# Instead of all metrics: of these alone.
REPORTED = f"""
CREATE TEMP TABLE metrics AS
SELECT * FROM main.metrics
WHERE name IN ('{semconv.LAG}', '{semconv.LAG_TIME}') AND destination IS NOT NULL
      AND time >= $earliest AND time < $until
      AND ($destination IS NULL OR destination = $destination)
      AND ($all_groups OR coalesce(consumer_group, '') = $group)
"""


class _Statements:
    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor

    def execute(self, statement: str, *parameters: Any) -> None:
        self.cursor.execute(statement, parameters)

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.cursor.execute(statement, parameters).fetchall()

    def one(self, statement: str, *parameters: Any) -> Any:
        return self.ask(statement, *parameters)[0][0]


def reported(tables: PartTables, parameters: Mapping[str, Any]) -> Iterator[Measured]:
    """Yield each group's lag in messages (`lag`) and seconds (`behind`), with a gap where not all of it is known."""
    tables.ask(REPORTED, parameters)
    return measured(_Statements(tables.cursor))
