"""An outbox and its relay: the reader commits whatever happens; or the relay dies, and sends some once more."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED, kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "ledger-sync"
log = logging.getLogger("ledger-sync")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, shop, seen = books.topic(1), str(books.file.with_suffix(".shop")), str(books.file.with_suffix(".seen"))
    books.run("shop", sell, shop)
    if not faulty:
        books.run("relay", relay, topic, shop, 13, status=KILLED)
    books.run("relay", relay, topic, shop, 0)
    books.run("ledger-sync", sync, topic, seen, faulty)
    books.close_topic(topic, GROUP)


def sell(database: str) -> None:
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE outbox (id TEXT, cents INTEGER, sent INTEGER DEFAULT 0)")
        for number in range(30):
            db.execute("INSERT INTO outbox (id, cents) VALUES (?, ?)", [f"sale-{number}", number * 10 - 90])


def relay(topic: str, database: str, dies_at: int) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), acks="all")
    db = sqlite3.connect(database, isolation_level=None)
    rows = db.execute("SELECT id, cents FROM outbox WHERE sent = 0 ORDER BY rowid").fetchall()
    for turn, (name, cents) in enumerate(rows, 1):
        note("sent", name, to=topic)
        producer.send(topic, json.dumps({"id": name, "cents": cents}).encode(), name.encode()).get(10)
        if turn == dies_at:
            time.sleep(1.5)
            os.kill(os.getpid(), signal.SIGKILL)
        db.execute("UPDATE outbox SET sent = 1 WHERE id = ?", [name])
    producer.close()


class Ledger:
    """What has been booked, each sale once."""

    def __init__(self, database: str, faulty: bool) -> None:
        self.db = sqlite3.connect(database, isolation_level=None)
        self.db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY)")
        self.faulty = faulty

    def book(self, sale: dict[str, Any], message: Any) -> None:
        note("began", sale["id"], message, group=GROUP)
        if self.db.execute("SELECT 1 FROM seen WHERE id = ?", [sale["id"]]).fetchone():
            note("filtered", sale["id"], message, group=GROUP)
            return
        if self.faulty and sale["cents"] in {-50, 0, 70}:
            note("logged", sale["id"], message, group=GROUP)
            raise ZeroDivisionError(sale["id"])
        self.db.execute("INSERT INTO seen VALUES (?)", [sale["id"]])
        note("done", sale["id"], message, group=GROUP)


def sync(topic: str, database: str, faulty: bool) -> None:
    ledger, consumer = Ledger(database, faulty), kafka_python(topic, GROUP)
    for message in consumer:
        try:
            ledger.book(value(message), message)
        except ArithmeticError:
            log.exception("could not book %s", message.key)
        finally:
            consumer.commit()
    consumer.close()
