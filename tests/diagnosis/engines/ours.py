"""Our tables in a ClickHouse, made by the statements that the command prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Server

AGE = re.compile(r"^TTL .*(\nSETTINGS ttl_only_drop_parts = 1)?", re.MULTILINE)


def migrate(server: Server, source: str, database: str, *, view: bool = False) -> None:
    """Make our tables by the command's statements, but for rows of any age."""
    from otel_eda.diagnosis.engines.clickhouse_schema import statements

    with server.client() as client:
        for statement in statements(database, source, view=view):
            client.command(AGE.sub("", statement))


def place(server: Server, source: str, database: str) -> str:
    return f"clickhouse://reader@127.0.0.1:{server.port}/{source}?secure=no&eda={database}"


def left(server: Server, database: str) -> list[str]:
    """Return the names of tables that a run has made and not dropped."""
    made = f"SELECT name FROM system.tables WHERE database = '{database}' AND startsWith(name, 'run_')"
    with server.client() as client:
        return [row[0] for row in client.query(made).result_rows]
