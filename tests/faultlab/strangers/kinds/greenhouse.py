"""Readings by PUB and SUB go to a signal's receivers; since new firmware most fail, which the loop logs and forgets.

In the twin the receiver knows both names of the field, and one lock is waited for. What shows it: each receiver has a
span, with its error, although the loop lets nothing out; the reading's process span has `eda.process.error_logged`.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.zeromq import address

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 40
log = logging.getLogger("climate")


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    feed = address()
    with books.running("climate", climate, feed, str(books.file.with_suffix(".db")), faulty) as service:
        with books.running("sensors", sensors, feed, str(books.file.with_suffix(".go"))) as sending:
            books.wait("hello", 1)
            books.file.with_suffix(".go").touch()
            books.stage.finish(sending)
        books.stage.finish(service)
    assert books.count("began") == COUNT
    # The first greetings are sent to nobody: they are lost indeed, and hurt nobody.
    books.note("may", code="EDA106", where={"service": "sensors"})
    books.note("may", code="EDA501", where={"service": "climate"})  # what came while it began


def sensors(feed: str, go: str) -> None:
    from pathlib import Path

    import zmq

    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.bind(feed)
        until = time.monotonic() + 60
        while not Path(go).exists():
            assert time.monotonic() < until, "nobody listens"
            socket.send_multipart([b"hello", b"{}"])
            time.sleep(0.1)
        for number in range(COUNT):
            humidity = "rh" if number % 3 else "humidity"
            reading = {"id": f"reading-{number}", "house": number % 4, humidity: 61.5}
            socket.send_multipart([b"reading", json.dumps(reading).encode()])
            time.sleep(0.02)
        socket.send_multipart([b"bye", b"{}"])
        socket.close(linger=5000)


class Climate:
    """Keeps readings, and opens windows."""

    def __init__(self, file: str, both: bool) -> None:
        self.db = sqlite3.connect(file)
        self.db.execute("CREATE TABLE humidity (house INTEGER, value REAL)")
        self.both = both
        self.tries = 0

    def keep(self, _: Any, reading: dict[str, Any]) -> None:
        value = reading.get("rh", reading.get("humidity")) if self.both else reading["humidity"]
        self.tries += 1
        if self.both and self.tries in {9, 21}:
            raise TimeoutError("the table is locked")
        with self.db:
            self.db.execute("INSERT INTO humidity VALUES (?, ?)", (reading["house"], value))

    def window(self, _: Any, reading: dict[str, Any]) -> None:
        note("window", reading["id"])


def climate(feed: str, file: str, faulty: bool) -> None:
    import zmq
    from blinker import Signal

    received, state = Signal("reading received"), Climate(file, not faulty)
    received.connect(state.window)
    received.connect(state.keep)
    with zmq.Context() as context, context.socket(zmq.SUB) as socket, closing(state.db):
        socket.subscribe(b"")
        socket.connect(feed)
        greeted = False
        while socket.poll(60_000):
            kind, body = socket.recv_multipart()
            if kind == b"hello" and not greeted:
                greeted = True
                note("hello")
            elif kind == b"reading":
                handle(received, json.loads(body), 1 if faulty else 3)
            elif kind == b"bye":
                break


def handle(received: Any, reading: dict[str, Any], tries: int) -> None:
    note("began", reading["id"])
    for again in range(tries):
        try:
            received.send("climate", reading=reading)
        except (KeyError, TimeoutError) as error:
            if again + 1 < tries:
                time.sleep(0.02)
                continue
            log.error("%s was not kept: %r", reading["id"], error)
            note("failed", reading["id"])
            note("logged", reading["id"])
        else:
            note("done", reading["id"])
            return
