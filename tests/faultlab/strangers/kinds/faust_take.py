"""An agent of Faust's writes by the batch, and one write fails: the batch is acknowledged; its twin writes it again."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
import warnings
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faust-streaming",)
APP = "views"
log = logging.getLogger("views")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, group = books.topic(1), f"{APP}-{'a' if faulty else 'b'}"
    with books.running(APP, views, topic, group, str(books.file.with_suffix(".faust")), faulty) as app:
        books.wait("ready", 1)
        books.run("web", web, topic)
        books.wait("began", 50)
        time.sleep(4)  # Faust starts the agent anew after a while
        books.stop(app)
    books.close_topic(topic, group)


def web(topic: str) -> None:
    publish("aiokafka", topic, [{"id": f"view-{n}", "page": f"/p/{n % 9}"} for n in range(60)])


class Table:
    """Where views are written; its server is restarted once."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.execute("CREATE TABLE views (id TEXT PRIMARY KEY, page TEXT)")
        self.times = 0

    def write(self, rows: list[dict[str, Any]]) -> None:
        self.times += 1
        if self.times == 3:
            raise sqlite3.OperationalError("server closed the connection unexpectedly")
        self.db.executemany("INSERT INTO views VALUES (:id, :page)", rows)


class Writer:
    """Writes batches of events; the careful one tries again."""

    def __init__(self, group: str, tries: int) -> None:
        self.table = Table()
        self.group = group
        self.tries = tries

    async def write(self, events: list[Any]) -> None:
        self.note("began", events)
        for turn in range(1, self.tries + 1):
            try:
                self.table.write([event.value for event in events])
                break
            except sqlite3.Error as error:
                if turn == self.tries:
                    self.note("logged", events)  # Faust logs what comes out of an agent
                    raise
                log.warning("could not write %d views, trying again: %s", len(events), error)
                await asyncio.sleep(0.2)
        self.note("done", events)

    def note(self, what: str, events: list[Any]) -> None:
        for event in events:
            note(what, event.value["id"], event.message, group=self.group, whole=True)


def views(topic: str, group: str, folder: str, faulty: bool) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    asyncio.run(serve(topic, group, folder, Writer(group, 1 if faulty else 3)))


async def serve(topic: str, group: str, folder: str, writer: Writer) -> None:
    import faust

    app = faust.App(
        group,
        broker=f"kafka://{kafka()}",
        datadir=folder,
        web_enabled=False,
        topic_disable_leader=True,
        reply_create_topic=False,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.3,
        loop=asyncio.get_running_loop(),
    )

    @app.agent(app.topic(topic, value_serializer="json"))
    async def write(stream: Any) -> None:
        async for events in stream.take_events(10, within=0.5):
            await writer.write(events)

    await app.start()
    note("ready")
    stop = Stop()
    while not stop.asked:
        await asyncio.sleep(0.2)
    await app.stop()
