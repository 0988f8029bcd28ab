"""Payouts are made once by a list of those made: in the process that dies, or in the database of the payouts."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import batches, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "payouts"
BATCH = 8


def play(books: Books, library: str, faulty: bool) -> None:
    topic, database = books.topic(1), str(books.file.with_suffix(".db"))
    books.run("marketplace", marketplace, library, topic)
    books.run("payouts", payouts, library, topic, database, faulty, 3, status=KILLED)
    books.run("payouts", payouts, library, topic, database, faulty, 0)
    books.close_topic(topic, GROUP)


def marketplace(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"payout-{n}", "seller": n % 7, "cents": 100 + n} for n in range(48)], "seller")


class InMemory:
    """The last thousand, by their names."""

    def __init__(self) -> None:
        self.made: deque[str] = deque(maxlen=1000)

    def seen(self, name: str) -> bool:
        return name in self.made

    def make(self, payout: dict[str, Any]) -> None:
        self.made.append(payout["id"])


class InDatabase:
    """All of them, in the transaction of the payout itself."""

    def __init__(self, file: str) -> None:
        self.db = sqlite3.connect(file)
        self.db.execute("CREATE TABLE IF NOT EXISTS payouts (id TEXT PRIMARY KEY, seller INTEGER, cents INTEGER)")

    def seen(self, name: str) -> bool:
        return self.db.execute("SELECT 1 FROM payouts WHERE id = ?", [name]).fetchone() is not None

    def make(self, payout: dict[str, Any]) -> None:
        with self.db:
            self.db.execute("INSERT INTO payouts VALUES (?, ?, ?)", [payout["id"], payout["seller"], payout["cents"]])


def payouts(library: str, topic: str, database: str, faulty: bool, dies_in: int) -> None:
    book: InMemory | InDatabase = InMemory() if faulty else InDatabase(database)
    turn = 0

    def pay(batch: list[Any]) -> None:
        nonlocal turn
        turn += 1
        for message in batch:
            payout = value(message)
            note("began", payout["id"], message, group=GROUP)
            if book.seen(payout["id"]):
                note("filtered", payout["id"], message, group=GROUP)
                continue
            time.sleep(0.01)  # the bank
            book.make(payout)
            note("done", payout["id"], message, group=GROUP, whole=True)
        if turn == dies_in:
            time.sleep(1.5)  # the statement of the day is made, which takes all the memory there is
            os.kill(os.getpid(), signal.SIGKILL)

    batches(library, topic, GROUP, pay, BATCH)
