"""Two replicas of a scheduler look for what is due: each sends all of it; in the twin each claims what it sends."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT = 24


def play(books: Books, library: str, faulty: bool) -> None:
    queue, file = books.queue(), str(books.file.with_suffix(".db"))
    Table(file).create()
    with (
        books.running("reminder-scheduler", scheduler, library, queue, file, faulty) as one,
        books.running("reminder-scheduler", scheduler, library, queue, file, faulty) as two,
    ):
        books.wait("ready", 2)
        with books.running("sms-gateway", gateway, library, queue) as texts:
            books.run("appointments", appointments, file)
            for program in (one, two, texts):
                books.stage.finish(program)
    books.close_queue(queue)
    if faulty:
        assert books.count("sent") > COUNT
        books.note("must", code="EDA201", where={"within": queue})


class Table:
    """The reminders."""

    def __init__(self, file: str) -> None:
        self.file = file

    def _query(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.file, timeout=10)) as database, database:
            return database.execute(statement, values).fetchall()

    def create(self) -> None:
        self._query("create table reminders (id text, phone text, due real, claimed_by int, sent real)")

    def add(self, name: str, phone: str, due: float) -> None:
        self._query("insert into reminders values (?, ?, ?, null, null)", name, phone, due)

    def due(self) -> list[Any]:
        return self._query("select id, phone from reminders where sent is null and due <= ?", time.time())

    def claim(self, worker: int) -> list[Any]:
        statement = "update reminders set claimed_by = ? where claimed_by is null and due <= ? returning id, phone"
        return self._query(statement, worker, time.time())

    def sent(self, name: str) -> None:
        self._query("update reminders set sent = ? where id = ?", time.time(), name)

    def open(self) -> int:
        (found,) = self._query("select count(*) from reminders where sent is null")
        return int(found[0])


def appointments(file: str) -> None:
    table, now = Table(file), time.time()
    for number in range(COUNT):
        # Some patients have two appointments on a day, and so are reminded twice.
        table.add(f"reminder-{number}", f"+49 30 {number // 2:04}", now + 1 + number % 3)


def scheduler(library: str, queue: str, file: str, faulty: bool) -> None:
    import os

    table, end = Table(file), time.time() + 60
    note("ready")
    seen = False
    while time.time() < end and not (seen and table.open() == 0):
        time.sleep(1 - time.time() % 1)  # each second, by the clock
        due = table.due() if faulty else table.claim(os.getpid())
        seen = seen or table.open() > 0
        for name, phone in due:
            publish(library, queue, [{"id": name, "phone": phone}], message_id=name)
        for name, _ in due:
            table.sent(name)


def gateway(library: str, queue: str) -> None:
    def send(reminder: dict[str, Any], message: Any) -> str:
        note("began", reminder["id"], message)
        time.sleep(0.01)
        note("done", reminder["id"], message)
        return "ack"

    work(library, queue, send, idle=12)
