"""A booking service waits for a lock from some moment on; its twin has some large bookings among many small ones."""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "bookings"
log = logging.getLogger("bookings")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("website", website, library, topic)
    books.run("bookings", book_all, topic, str(books.file.with_suffix(".db")), faulty)
    books.close_topic(topic, GROUP)


def website(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"b-{n}", "rooms": 60 if n % 9 == 4 else 1} for n in range(160)])


def book_all(topic: str, database: str, faulty: bool) -> None:
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("CREATE TABLE bookings (id TEXT)")
    consumer, count, idle = confluent(topic, GROUP), 0, 0
    while idle < 6:
        message = consumer.poll(1)
        idle = idle + 1 if message is None else 0
        if message is None or message.error():
            continue
        count += 1
        booking = value(message)
        note("began", booking["id"], message, group=GROUP)
        # In the faulty program a report holds the table's lock most of the time, from the 110th booking on.
        locked = faulty and count > 110
        if locked:
            place = {"destination": topic, "partition": str(message.partition()), "offset": message.offset()}
            note("must", code="EDA502", where={**place, "group": GROUP})
        time.sleep(0.4 if locked else 0.004)
        if not faulty:
            time.sleep(0.003 * booking["rooms"])
        db.execute("INSERT INTO bookings VALUES (?)", [booking["id"]])
        note("done", booking["id"], message, group=GROUP)
        consumer.commit(message, asynchronous=False)
    consumer.close()
