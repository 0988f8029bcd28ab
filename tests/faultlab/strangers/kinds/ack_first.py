"""A worker acknowledges and then works, and dies of one message; its twin dies as well, but acknowledges afterwards."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)


def play(books: Books, library: str, faulty: bool) -> None:
    queue, database = books.queue(), str(books.file.with_suffix(".db"))
    books.run("web", web, library, queue)
    for status in (1, 1, 0):
        books.run("provisioning", provisioning, queue, database, faulty, status=status)
    books.close_queue(queue)


def web(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"account-{n}", "plan": "free" if n % 3 else "pro"} for n in range(30)])


class Accounts:
    """A database whose disk is full at two moments."""

    def __init__(self, file: str) -> None:
        self.db = sqlite3.connect(file, isolation_level=None)
        self.db.execute("CREATE TABLE IF NOT EXISTS attempts (n INTEGER)")

    def create(self, name: str) -> None:
        self.db.execute("INSERT INTO attempts VALUES (1)")
        (count,) = self.db.execute("SELECT count(*) FROM attempts").fetchone()
        if count in {9, 21}:
            raise sqlite3.OperationalError(f"database or disk is full: {name}")


def provisioning(queue: str, database: str, faulty: bool) -> None:
    accounts, connection = Accounts(database), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=4)
    for method, properties, body in channel.consume(queue, inactivity_timeout=2):
        if method is None:
            break
        account = json.loads(body)
        note("began", account["id"], properties)
        if faulty:
            channel.basic_ack(method.delivery_tag)
        try:
            accounts.create(account["id"])
        except sqlite3.Error:
            note("failed", account["id"], properties)
            raise
        note("done", account["id"], properties)
        if not faulty:
            channel.basic_ack(method.delivery_tag)
    channel.cancel()
    connection.close()
