"""The relay of an outbox gets a second replica, and both send the same rows; in the twin each claims its rows first."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value, work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP = "confirmations"
CLAIM = """
UPDATE outbox SET owner = ? WHERE number IN (SELECT number FROM outbox WHERE owner IS NULL ORDER BY number LIMIT 5)
RETURNING number, id, kind, body
"""
UNSENT = "SELECT number, id, kind, body FROM outbox WHERE sent IS NULL ORDER BY number LIMIT 5"


def play(books: Books, library: str, faulty: bool) -> None:
    topic, shop = books.topic(2), str(books.file.with_suffix(".shop"))
    create(shop)
    with books.serving("relay", relay, library, topic, shop, faulty, replicas=2):
        books.wait("ready", 2)
        books.run("shop", sell, shop)
        books.wait("published", 60)
        time.sleep(1)
    books.run("confirmations", confirm, library, topic)
    books.close_topic(topic, GROUP)
    for event in twice(diary.read(books.file)):
        books.note("must", code="EDA201", where={"destination": topic}, of=event)


def twice(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Give the first event that is in the topic twice."""
    stored = [line["event"] for line in lines if line["what"] == "stored"]
    yield from [event for event in stored if stored.count(event) > 1][:1]


def create(database: str) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(
            "CREATE TABLE outbox (number INTEGER PRIMARY KEY, id TEXT, kind TEXT, body TEXT, owner TEXT, sent REAL)"
        )
        db.commit()


def sell(database: str) -> None:
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as db:
        for number in range(60):
            name = str(uuid.uuid4())
            body = json.dumps({"id": name, "order": number})
            db.execute("INSERT INTO outbox (id, kind, body) VALUES (?, 'order.placed', ?)", [name, body])
            time.sleep(0.03)


@dataclass(frozen=True)
class Row:
    """An event that waits to be sent."""

    number: int
    id: str
    kind: str
    body: str

    def headers(self) -> list[Any]:
        """Give the headers of a CloudEvent."""
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", self.id.encode()),
            ("ce_type", self.kind.encode()),
            ("ce_source", b"/shop"),
            ("content-type", b"application/json"),
        ]


class Outbox:
    """The table of events that are to be sent."""

    def __init__(self, database: str, name: str | None) -> None:
        self.db = sqlite3.connect(database, timeout=30, isolation_level=None)
        self.name = name

    def due(self) -> list[Row]:
        found = self.db.execute(UNSENT) if self.name is None else self.db.execute(CLAIM, [self.name])
        return [Row(*row) for row in found.fetchall()]

    def sent(self, rows: Iterable[Row]) -> None:
        self.db.executemany("UPDATE outbox SET sent = ? WHERE number = ?", [(time.time(), row.number) for row in rows])


def relay(library: str, topic: str, database: str, faulty: bool) -> None:
    stop, outbox = Stop(), Outbox(database, None if faulty else str(uuid.uuid4()))
    send = by_confluent(topic) if library == "confluent-kafka" else by_kafka_python(topic)
    note("ready")
    while not stop.asked:
        rows = outbox.due()
        for row in rows:
            note("sent", row.id, to=topic)
        send(rows)
        outbox.sent(rows)
        for row in rows:
            note("published", row.id)
        time.sleep(0.05)


def by_confluent(topic: str) -> Any:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "enable.idempotence": True})

    def send(rows: list[Row]) -> None:
        for row in rows:
            producer.produce(topic, row.body, key=row.id, headers=row.headers())
        producer.flush(10)

    return send


def by_kafka_python(topic: str) -> Any:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), acks="all")

    def send(rows: list[Row]) -> None:
        sent = [producer.send(topic, row.body.encode(), row.id.encode(), headers=row.headers()) for row in rows]
        for one in sent:
            one.get(10)

    return send


def confirm(library: str, topic: str) -> None:
    def mail(_: dict[str, Any], message: Any) -> None:
        event = value(message)
        note("began", event["id"], message, group=GROUP)
        note("done", event["id"], message, group=GROUP)

    work(library, topic, GROUP, mail)
