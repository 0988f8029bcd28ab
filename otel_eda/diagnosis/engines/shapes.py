"""What the tables of an engine look like, kept in DuckDB in tables without rows."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp

from otel_eda.diagnosis.duck import duckdb
from otel_eda.diagnosis.store import MADE

COLUMNS = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"


class Shapes:
    """Names and types of columns: each statement is checked here, and it is known of each name what it stands for."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def execute(self, statement: str) -> None:
        """Follow a statement that the engine has run."""
        self.connection.execute(statement)

    def columns(self, query: str) -> dict[str, str]:
        """Return the names of the columns that a query selects, with their types."""
        return {row[0]: row[1] for row in self.connection.execute(f"DESCRIBE {query}").fetchall()}

    def insert(self, table: str, query: str) -> str:
        """Return the statement that inserts what a query selects into a table's columns of the same names."""
        found = self.columns(query)
        fields = self.columns(f"SELECT * FROM {table}").items()
        if unknown := found.keys() - dict(fields):
            raise ValueError(f"{table} has no column {', '.join(sorted(unknown))}")
        values = (f"{name if name in found else f'NULL::{kind}'} AS {name}" for name, kind in fields)
        return f"INSERT INTO {table} SELECT {', '.join(values)} FROM ({query})"

    def made(self) -> list[tuple[str, str]]:
        """Return `VIEW` or `TABLE` and the name of each that there is, views first."""
        return [(kind, name) for kind, name in self.connection.execute(MADE).fetchall()]

    def schema(self) -> dict[str, dict[str, str]]:
        """Return the types of the columns of all tables there are."""
        schema: dict[str, dict[str, str]] = {}
        for table, column, kind in self.connection.execute(COLUMNS).fetchall():
            schema.setdefault(table, {})[column] = kind
        return schema


def bound(statement: str, parameters: tuple[Any, ...]) -> exp.Expr:
    """Return a statement with its parameters in it, as literals."""
    tree = sqlglot.parse_one(statement, read="duckdb")
    for placeholder, value in zip(list(tree.find_all(exp.Placeholder, bfs=False)), parameters, strict=True):
        placeholder.replace(exp.convert(value))
    return tree
