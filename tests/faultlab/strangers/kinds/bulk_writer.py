"""A warehouse loader writes by the batch and is killed between a write and its commit; its twin is stopped in order."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import LIBRARIES, batches, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
GROUP = "warehouse-loader"


def play(books: Books, library: str, faulty: bool) -> None:
    topic, database = books.topic(1), str(books.file.with_suffix(".db"))
    books.run("web", web, library, topic)
    books.run("loader", loader, library, topic, database, 25, faulty, status=KILLED if faulty else 0)
    books.run("loader", loader, library, topic, database, 10_000, False)
    books.close_topic(topic, GROUP)


def web(library: str, topic: str) -> None:
    publish(library, topic, ({"id": n, "session": n % 9, "page": f"/product/{n}"} for n in range(60)), "session")


def loader(library: str, topic: str, database: str, stop_after: int, killed: bool) -> None:
    Loader(database, stop_after, killed).load(library, topic)


class Loader:
    """Loads page views into a table."""

    def __init__(self, database: str, stop_after: int, killed: bool) -> None:
        self.db = sqlite3.connect(database)
        self.db.execute("CREATE TABLE IF NOT EXISTS views (id INTEGER, page TEXT)")
        self.stop_after, self.killed, self.count = stop_after, killed, 0

    def load(self, library: str, topic: str) -> None:
        batches(library, topic, GROUP, self.write)

    def write(self, batch: list[Any]) -> None:
        rows = []
        for message in batch:
            view = value(message)
            note("began", view["id"], message, group=GROUP)
            rows.append((view["id"], view["page"]))
        with self.db:
            self.db.executemany("INSERT INTO views VALUES (?, ?)", rows)
        for message in batch:
            note("done", value(message)["id"], message, group=GROUP, whole=True)
        self.count += len(batch)
        if self.count >= self.stop_after:
            time.sleep(2.0)  # the database was slow, as it is before such ends
            os.kill(os.getpid(), signal.SIGKILL if self.killed else signal.SIGTERM)
