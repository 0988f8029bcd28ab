"""What fails goes to the back of the line in memory, and overwrites what came later; or old versions are ignored."""

from __future__ import annotations

import asyncio
import queue as queues
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note, where
from faultlab.strangers.kafka_house import Stop, aio, confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, COUNT, FLIGHTS = "seat-map", 60, ("BA12", "LH400", "AF6")
PLAIN = "insert into seats values (:flight, :version) on conflict (flight) do update set version = :version"
NEWER = f"{PLAIN} where version < :version"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("departure-control", departures, library, topic)
    books.run("seat-map", {"aiokafka": by_tasks, "confluent-kafka": by_threads}[library], topic, faulty)
    books.close_topic(topic, GROUP)


def departures(library: str, topic: str) -> None:
    changes = [{"id": f"change-{n}", "flight": FLIGHTS[n % 3], "version": n} for n in range(COUNT)]
    publish(library, topic, changes, "flight")


class Seats:
    """The seats of all flights; another program locks the table at times."""

    def __init__(self, statement: str) -> None:
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.execute("create table seats (flight text primary key, version int)")
        self.statement = statement
        self.tried: set[str] = set()
        self.latest: dict[str, int] = {}

    def write(self, record: Any) -> None:
        change = value(record)
        note("began", change["id"], record, group=GROUP)
        if change["version"] % 17 == 9 and change["id"] not in self.tried:
            self.tried.add(change["id"])
            note("failed", change["id"], record, group=GROUP)
            raise sqlite3.OperationalError("database is locked")
        self.database.execute(self.statement, change)
        self._account(change, record)
        note("done", change["id"], record, group=GROUP)

    def _account(self, change: dict[str, Any], record: Any) -> None:
        latest = self.latest.get(change["flight"], -1)
        self.latest[change["flight"]] = max(latest, change["version"])
        if change["version"] < latest:
            # The order is broken in the twin, too, only that it hurts nobody.
            said = {"least": "LIKELY"} if self.statement == PLAIN else {"most": "CONFIRMED"}
            what = "must" if self.statement == PLAIN else "may"
            note(what, code="EDA301", where={**where(record), "group": GROUP}, **said)


def by_tasks(topic: str, faulty: bool) -> None:
    asyncio.run(_by_tasks(topic, Seats(PLAIN if faulty else NEWER)))


async def _by_tasks(topic: str, seats: Seats) -> None:
    line: asyncio.Queue[Any] = asyncio.Queue()

    async def work() -> None:
        while True:
            record = await line.get()
            try:
                seats.write(record)
            except sqlite3.OperationalError:
                await line.put(record)
            await asyncio.sleep(0.005)
            line.task_done()

    worker, empty = asyncio.create_task(work()), 0
    async with aio(topic, GROUP) as consumer:
        while empty < 8:
            found = await consumer.getmany(timeout_ms=500, max_records=30)
            empty = 0 if found else empty + 1
            for record in (record for records in found.values() for record in records):
                await line.put(record)
            await line.join()
            if found:
                await consumer.commit()
    worker.cancel()


class Worker(threading.Thread):
    """Works off a line."""

    def __init__(self, line: queues.Queue[Any], seats: Seats) -> None:
        super().__init__(daemon=True)
        self.line, self.seats = line, seats

    def run(self) -> None:
        while True:
            record = self.line.get()
            try:
                self.seats.write(record)
            except sqlite3.OperationalError:
                self.line.put(record)
            time.sleep(0.005)
            self.line.task_done()


def by_threads(topic: str, faulty: bool) -> None:
    stop, consumer, line, empty, due = Stop(), confluent(topic, GROUP), queues.Queue[Any](), 0, None
    Worker(line, Seats(PLAIN if faulty else NEWER)).start()
    while not stop.asked and empty < 80:
        message = consumer.poll(0.1)
        empty = 0 if message else empty + 1
        if message is not None and not message.error():
            line.put(message)
            due = message
        if message is None and line.unfinished_tasks == 0 and due is not None:
            consumer.commit(due, asynchronous=False)
            due = None
    consumer.close()
