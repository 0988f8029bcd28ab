"""The relay of an outbox cannot mark what it has sent, as a report holds the table: it sends all of it again; or marks.

The relay marks a tick's rows when all are sent. While the report is made, that fails, is logged, and the next tick
begins with the same rows. The twin marks each row before it sends the next, and waits for the report. Some deals are
amended: that is an event of its own, with the same content.

Shown by: two records of the topic have the same id in the header `event-id`, and one key, from two sends of the relay
(EDA201).
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, AMENDED = "deal-desk", 30, {3, 14}
log = logging.getLogger("relay")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, database = books.topic(2), str(books.file.with_suffix(".deals"))
    create(database)
    with books.serving("deals", relay, library, topic, database, faulty):
        books.wait("marked", COUNT + len(AMENDED))
    books.run("deal-desk", desk, library, topic)
    books.close_topic(topic, GROUP)
    lines = diary.read(books.file)
    stored = [line["event"] for line in lines if line["what"] == "stored"]
    assert (len(stored) > len(set(stored))) is faulty
    if faulty:
        books.note("must", code="EDA201", where={"destination": topic})


def create(database: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("CREATE TABLE outbox (number INTEGER PRIMARY KEY, id TEXT, account TEXT, cents INTEGER, sent REAL)")
        deals = list(range(COUNT)) + sorted(AMENDED)
        rows = [(f"deal-event-{at}", f"account-{deal}", 100 * deal) for at, deal in enumerate(deals)]
        db.executemany("INSERT INTO outbox (id, account, cents) VALUES (?, ?, ?)", rows)


def relay(library: str, topic: str, database: str, faulty: bool) -> None:
    stop = Stop()
    send = {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library](topic)
    began, may_end = threading.Event(), threading.Event()
    report = threading.Thread(target=report_deals, args=(database, 30 if faulty else 2, began, may_end), name="report")
    report.start()
    began.wait()
    with closing(sqlite3.connect(database, timeout=0.3 if faulty else 60, isolation_level=None)) as db:
        while not stop.asked:
            try:
                tick(db, send, topic, faulty)
            except sqlite3.OperationalError as error:
                log.warning("will mark them at the next tick: %s", error)
                may_end.set()
            time.sleep(0.5)
    report.join()


def report_deals(database: str, seconds: float, began: threading.Event, may_end: threading.Event) -> None:
    """Make the report of the day, during which nobody may write; the relay's warning, at the latest, ends it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        began.set()
        db.execute("SELECT account, sum(cents) FROM outbox GROUP BY account").fetchall()
        may_end.wait(seconds)
        db.execute("COMMIT")


def tick(db: sqlite3.Connection, send: Callable[..., None], topic: str, faulty: bool) -> None:
    rows = db.execute("SELECT id, account, cents FROM outbox WHERE sent IS NULL ORDER BY number LIMIT 10").fetchall()
    for event, account, cents in rows:
        note("sent", event, to=topic)
        send(event, account, {"id": event, "account": account, "cents": cents})
        if not faulty:
            mark(db, [event])
    if faulty:
        mark(db, [event for event, _, _ in rows])


def mark(db: sqlite3.Connection, events: list[str]) -> None:
    db.executemany("UPDATE outbox SET sent = ? WHERE id = ?", [(time.time(), event) for event in events])
    for event in events:
        note("marked", event)


def by_kafka_python(topic: str) -> Callable[..., None]:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), acks="all")

    def send(event: str, account: str, body: dict[str, Any]) -> None:
        headers = [("event-id", event.encode())]
        producer.send(topic, json.dumps(body).encode(), account.encode(), headers=headers).get(60)

    return send


def by_confluent(topic: str) -> Callable[..., None]:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "enable.idempotence": True})

    def send(event: str, account: str, body: dict[str, Any]) -> None:
        producer.produce(topic, json.dumps(body), key=account, headers={"event-id": event})
        producer.flush(60)

    return send


def desk(library: str, topic: str) -> None:
    def book(_: dict[str, Any], message: Any) -> None:
        deal = value(message)
        note("began", deal["id"], message, group=GROUP)
        note("done", deal["id"], message, group=GROUP)

    work(library, topic, GROUP, book)
