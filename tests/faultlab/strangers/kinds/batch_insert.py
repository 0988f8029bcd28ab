"""Readings are stored by the batch: one that came twice fails its batch, which is logged, gone; or is passed over."""

from __future__ import annotations

import json
import logging
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
SIZE, COUNT = 10, 64
log = logging.getLogger("readings")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("meters", meters, library, queue)
    books.run("readings", readings, queue, f"{books.file}.db", faulty)
    books.close_queue(queue)


def meters(library: str, queue: str) -> None:
    # One meter had no network for a moment, and has sent its reading once more.
    publish(library, queue, [{"id": f"r-{n}", "meter": 22 if n == 27 else n, "kwh": 3 * n} for n in range(COUNT)])


class Reading(NamedTuple):
    """A message, and what is in it."""

    tag: int
    properties: Any
    body: dict[str, Any]


def chunks(channel: Any, queue: str) -> Iterator[list[Reading]]:
    """Give what is in a queue by the batch, until nothing has come for a while."""
    batch: list[Reading] = []
    silent = 0
    for method, properties, body in channel.consume(queue, inactivity_timeout=0.5):
        if method is not None:
            silent = 0
            batch.append(Reading(method.delivery_tag, properties, json.loads(body)))
            note("began", batch[-1].body["id"], properties)
        else:
            silent += 1
        if batch and (len(batch) == SIZE or silent):
            yield batch
            batch = []
        if silent == 4:
            break
    channel.cancel()


class Store:
    """The table of readings, of which each meter has one a day."""

    def __init__(self, file: str, verb: str) -> None:
        self.database = sqlite3.connect(file)
        self.database.execute("CREATE TABLE readings (meter INTEGER PRIMARY KEY, kwh INTEGER)")
        self.statement = f"{verb} INTO readings VALUES (?, ?)"

    def add(self, batch: list[Reading]) -> None:
        with self.database:
            self.database.executemany(self.statement, [(one.body["meter"], one.body["kwh"]) for one in batch])


def readings(queue: str, file: str, faulty: bool) -> None:
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=2 * SIZE)
    store = Store(file, "INSERT" if faulty else "INSERT OR IGNORE")
    for batch in chunks(channel, queue):
        try:
            store.add(batch)
        except sqlite3.Error:
            log.exception("could not store %d readings", len(batch))
            written = "logged"
        else:
            written = "done"
        for one in batch:
            note(written, one.body["id"], one.properties)
        channel.basic_ack(batch[-1].tag, multiple=True)
    connection.close()
