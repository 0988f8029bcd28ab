"""One row that a table refuses fails its whole batch, again and again; the twin then goes row by row, and mends it."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "warehouse"
BAD = 33
log = logging.getLogger("warehouse")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, database = books.topic(1), str(books.file.with_suffix(".rows"))
    program = poll if library == "kafka-python" else consume
    with books.running("warehouse", program, topic, database, faulty) as warehouse:
        books.run("bookings", bookings, library, topic, 0, 60)
        books.wait("failed" if faulty else "done", 4 if faulty else 60)
        for first in (60, 70, 80):
            books.run("bookings", bookings, library, topic, first, first + 10)
        books.wait("failed" if faulty else "done", 10 if faulty else 90)
        books.stop(warehouse)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA504", where={"group": GROUP, "destination": topic})
        books.note("may", code="EDA402", where={"group": GROUP, "destination": topic})  # its whole batch fails
        books.note("may", code="EDA403", most="CONFIRMED", where={"group": GROUP, "destination": topic})


def bookings(library: str, topic: str, first: int, last: int) -> None:
    rows = [{"id": f"b-{n}", "cents": n, "currency": None if n == BAD else "EUR"} for n in range(first, last)]
    publish(library, topic, rows)


class Table:
    """Rows that are written by the batch."""

    def __init__(self, database: str, careful: bool) -> None:
        self.db = sqlite3.connect(database)
        self.db.execute("CREATE TABLE bookings (id TEXT PRIMARY KEY, cents INTEGER, currency TEXT NOT NULL)")
        self.careful = careful

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self.db
        except sqlite3.Error:
            self.db.rollback()
            raise
        self.db.commit()

    def write(self, messages: list[Any]) -> None:
        rows = [value(message) for message in messages]
        for row, message in zip(rows, messages, strict=True):
            note("began", row["id"], message, group=GROUP)
        try:
            self.insert(rows)
        except sqlite3.IntegrityError:
            for row, message in zip(rows, messages, strict=True):
                if row["currency"] is None:
                    note("failed", row["id"], message, group=GROUP, whole=True)
            if not self.careful:
                raise
            for row in rows:
                self.insert([{**row, "currency": row["currency"] or "EUR"}])
        for row, message in zip(rows, messages, strict=True):
            note("done", row["id"], message, group=GROUP, whole=True)

    def insert(self, rows: list[dict[str, Any]]) -> None:
        with self.transaction() as db:
            db.executemany("INSERT INTO bookings VALUES (:id, :cents, :currency)", rows)


def poll(topic: str, database: str, faulty: bool) -> None:
    stop, table = Stop(), Table(database, not faulty)
    consumer = kafka_python(topic, GROUP)
    while not stop.asked:
        for partition, messages in consumer.poll(timeout_ms=500, max_records=10).items():
            try:
                table.write(messages)
            except sqlite3.Error:
                log.exception("could not write %d rows, trying again", len(messages))
                consumer.seek(partition, messages[0].offset)
                time.sleep(0.3)
            else:
                consumer.commit()
    consumer.close()


def consume(topic: str, database: str, faulty: bool) -> None:
    from confluent_kafka import TopicPartition

    stop, table = Stop(), Table(database, not faulty)
    consumer = confluent(topic, GROUP)
    while not stop.asked:
        messages = [message for message in consumer.consume(10, timeout=0.5) if not message.error()]
        if not messages:
            continue
        try:
            table.write(messages)
        except sqlite3.Error:
            log.exception("could not write %d rows, trying again", len(messages))
            first = messages[0]
            consumer.seek(TopicPartition(first.topic(), first.partition(), first.offset()))
            time.sleep(0.3)
        else:
            consumer.commit(asynchronous=False)
    consumer.close()
