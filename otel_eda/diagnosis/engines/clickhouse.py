"""The tables in ClickHouse: statements run there, and nothing but answers comes here."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_eda.diagnosis import LimitError
from otel_eda.diagnosis.sources.clickhouse_connection import bounds
from otel_eda.diagnosis.sources.clickhouse_errors import limit

from .clickhouse_sql import SETTINGS, UNORDERED, written
from .shapes import Shapes, bound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from clickhouse_connect.driver.client import Client
    from sqlglot import exp

    from otel_eda.diagnosis.intake import Intake

# What DuckDB gives, where ClickHouse gives 0 and 1, or a whole number.
KINDS: dict[str, Callable[[Any], Any]] = {
    "BOOLEAN": lambda value: None if value is None else bool(value),
    "DOUBLE": lambda value: None if value is None else float(value),
}


class ClickHouseTables:
    """The tables of a diagnosis in a database of ClickHouse's.

    What the tables look like is kept in DuckDB, in tables without rows: so each statement is checked there, too, and
    it is known of each name in it what it stands for. There, each name begins with `prefix`. `purpose` says in the
    names of queries what they are for; `going_on` is called before each.
    """

    at_once = False  # a check that takes more than it may is named, and does not run; others do

    def __init__(
        self, client: Client, intake: Intake, prefix: str = "", going_on: Callable[[], None] = lambda: None
    ) -> None:
        self.client = client
        self.intake = intake
        self.prefix, self.going_on = prefix, going_on
        self.purpose = "prepare"
        self.shapes = Shapes()

    def execute(self, statement: str, *parameters: Any) -> None:
        """Run a statement."""
        tree = bound(statement, parameters)
        with self._prepared(tree) as last:
            self.run(last, **SETTINGS)
        self.shapes.execute(tree.sql("duckdb"))

    def make(self, name: str, fields: Iterable[tuple[str, str]], query: str) -> None:
        """Make a table with these columns and types of what a query of ClickHouse's own selects.

        Each column may be NULL: of one that may not, ClickHouse forgets at times that a LEFT JOIN found no row.
        """
        columns = ", ".join(f"toNullable({column}) AS {column}" for column, _ in fields)
        self.run(f"CREATE TABLE {self.prefix}{name} {UNORDERED} AS SELECT {columns} FROM ({query})")
        self.shapes.execute(f"CREATE TABLE {name} ({', '.join(' '.join(field) for field in fields)})")

    def run(self, statement: str, **settings: Any) -> None:
        """Run a statement of ClickHouse's own."""
        self.going_on()
        with _limited():
            self.client.command(statement, settings={**settings, **bounds(self.client, self.purpose)})

    def number(self, query: str) -> int:
        """Return the first value that a query of ClickHouse's own selects; 0 if there is none."""
        self.going_on()
        with _limited():
            rows = self.client.query(query, settings=bounds(self.client, self.purpose)).result_rows
        return int(rows[0][0] or 0)

    def count(self, query: str) -> int:
        """Return how many rows a query of ClickHouse's own selects."""
        return self.number(f"SELECT count() FROM ({query})")

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows that a statement selects."""
        tree = bound(statement, parameters)
        kinds = [KINDS.get(kind, _unchanged) for kind in self.shapes.columns(tree.sql("duckdb")).values()]
        with self._prepared(tree) as last:
            self.going_on()
            settings = {**SETTINGS, **bounds(self.client, self.purpose)}
            with _limited():
                rows = self.client.query(last, settings=settings).result_rows
        return [tuple(kind(value) for kind, value in zip(kinds, row, strict=True)) for row in rows]

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the first value that a statement selects."""
        return self.ask(statement, *parameters)[0][0]

    def insert(self, table: str, query: str) -> None:
        """Insert what a query selects into a table's columns of the same names; the others are NULL."""
        self.execute(self.shapes.insert(table, query))

    def made(self) -> list[tuple[str, str]]:
        """Return `VIEW` or `TABLE` and the name of each that there is, views first."""
        return self.shapes.made()

    @contextmanager
    def _prepared(self, tree: exp.Expr) -> Iterator[str]:
        """Yield a statement of ClickHouse's, while there are the tables of which it needs to ask more than once."""
        made: list[str] = []
        try:
            for name, text in written(tree, self.shapes.schema(), self.prefix):
                if name:
                    self.run(text, **SETTINGS)
                    made.append(name)
            yield text
        finally:
            for name in made:
                self.run(f"DROP TABLE {self.prefix}{name}")


@contextmanager
def _limited() -> Iterator[None]:
    """Raise `LimitError` for a statement that would take more than it may."""
    try:
        yield
    except ClickHouseError as error:
        if why := limit(error):
            raise LimitError(why) from error
        raise


def _unchanged(value: Any) -> Any:
    return value
