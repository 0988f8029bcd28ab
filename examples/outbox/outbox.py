"""The outbox: a table of events, written in the same transaction as the data."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind, get_tracer

import otel_eda

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = (
    "CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, item TEXT)",
    "CREATE TABLE IF NOT EXISTS outbox (number {number}, stored BIGINT, topic TEXT, event TEXT, headers TEXT)",
)
tracer = get_tracer(__name__)


@dataclass(frozen=True)
class Row:
    """An event that waits to be published, with the headers that carry its trace context."""

    number: int
    stored: int  # milliseconds since 1970
    topic: str
    event: str
    headers: dict[str, str]


class Database:
    """SQLite, or PostgreSQL, by a URL."""

    def __init__(self, url: str) -> None:
        self.mark, number = "?", "INTEGER PRIMARY KEY AUTOINCREMENT"
        self.connection: Any
        if url.startswith("postgresql:"):
            import psycopg  # only who asks for PostgreSQL needs it

            self.mark, number = "%s", "BIGSERIAL PRIMARY KEY"
            self.connection = psycopg.connect(url)
        else:
            self.connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        with self.transaction():
            for table in TABLES:
                self.execute(table.format(number=number))

    def execute(self, statement: str, *values: object) -> Any:
        """Execute a statement whose values are marked by `?`."""
        return self.connection.execute(statement.replace("?", self.mark), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all that is executed in the block count, or nothing of it."""
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()

    def store(self, topic: str, event: dict[str, Any]) -> None:
        """Have an event published, if the transaction comes to its end: its trace begins here, and is in the row."""
        with tracer.start_as_current_span(f"create {topic}", kind=SpanKind.PRODUCER, attributes=created(topic)):
            values = time.time_ns() // 1_000_000, topic, json.dumps(event), json.dumps(otel_eda.inject())
            self.execute("INSERT INTO outbox (stored, topic, event, headers) VALUES (?, ?, ?, ?)", *values)

    def pending(self) -> list[Row]:
        """Give the events that are to be published, in the order in which they were stored."""
        with self.transaction():
            rows = self.execute("SELECT number, stored, topic, event, headers FROM outbox ORDER BY number").fetchall()
        return [
            Row(number, stored, topic, event, json.loads(headers)) for number, stored, topic, event, headers in rows
        ]

    def published(self, row: Row) -> None:
        """Note that an event is published: it leaves the table."""
        with self.transaction():
            self.execute("DELETE FROM outbox WHERE number = ?", row.number)


def created(topic: str) -> dict[str, str]:
    """Give the attributes that the conventions have for a message that is created, and sent by somebody else."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": "create",
        "messaging.operation.type": "create",
        "messaging.destination.name": topic,
    }
