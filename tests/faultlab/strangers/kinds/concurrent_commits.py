"""Many messages at once, each committed when it is done, whatever is still at work; the twin commits what is behind it.

Both are killed in the middle, and write down what they have done, so that nothing is done twice.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP = "renderer"
AT_ONCE = 8


def play(books: Books, library: str, faulty: bool) -> None:
    topic, done = books.topic(1), str(books.file.with_suffix(".done"))
    program = on_a_loop if library == "aiokafka" else on_threads
    books.run("editor", editor, library, topic)
    with books.running("renderer", program, topic, done, faulty) as first:
        books.wait("done", 50)
        books.kill("renderer", first)
    with books.running("renderer", program, topic, done, faulty) as second:
        books.wait("idle", 1)
        books.stop(second)
    books.close_topic(topic, GROUP)
    if faulty:  # it commits backwards as well
        books.note("may", code="EDA504", where={"group": GROUP, "destination": topic})


def editor(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"video-{n}", "minutes": 90 if n == 17 else 1} for n in range(100)])


class Archive:
    """What has been rendered, by number, in a database."""

    def __init__(self, database: str) -> None:
        self.db = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self.db.execute("CREATE TABLE IF NOT EXISTS done (id TEXT PRIMARY KEY)")

    def has(self, video: dict[str, Any]) -> bool:
        return self.db.execute("SELECT 1 FROM done WHERE id = ?", [video["id"]]).fetchone() is not None

    def add(self, video: dict[str, Any]) -> None:
        self.db.execute("INSERT INTO done VALUES (?)", [video["id"]])


def seconds(video: dict[str, Any]) -> float:
    return 0.04 if video["minutes"] < 10 else 5


class Tracker:
    """Says how far may be committed when a message is done."""

    def __init__(self, hasty: bool) -> None:
        self.hasty = hasty
        self.open: set[int] = set()
        self.highest = -1

    def begin(self, offset: int) -> None:
        self.open.add(offset)

    def end(self, offset: int) -> int:
        self.open.discard(offset)
        self.highest = max(self.highest, offset)
        return offset + 1 if self.hasty else min(self.open, default=self.highest + 1)


def on_a_loop(topic: str, database: str, faulty: bool) -> None:
    archive, tracker = Archive(database), Tracker(faulty)

    async def render(consumer: Any, partition: Any, message: Any, room: asyncio.Semaphore) -> None:
        video = value(message)
        note("began", video["id"], message, group=GROUP)
        try:
            if archive.has(video):
                note("filtered", video["id"], message, group=GROUP)
            else:
                await asyncio.sleep(seconds(video))
                archive.add(video)
                note("done", video["id"], message, group=GROUP)
            await consumer.commit({partition: tracker.end(message.offset)})
        finally:
            room.release()

    async def main() -> None:
        stop, room, empty = Stop(), asyncio.Semaphore(AT_ONCE), 0
        tasks: set[asyncio.Task[None]] = set()
        async with aio(topic, GROUP) as consumer:
            while not stop.asked:
                found = await consumer.getmany(timeout_ms=300, max_records=AT_ONCE)
                empty = 0 if found else empty + 1
                if empty == 10:
                    note("idle")
                for partition, messages in found.items():
                    for message in messages:
                        await room.acquire()
                        tracker.begin(message.offset)
                        task = asyncio.create_task(render(consumer, partition, message, room))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
            await asyncio.gather(*tasks)

    asyncio.run(main())


def on_threads(topic: str, database: str, faulty: bool) -> None:
    from confluent_kafka import TopicPartition

    archive, tracker = Archive(database), Tracker(faulty)

    def render(message: Any) -> None:
        video = value(message)
        note("began", video["id"], message, group=GROUP)
        if archive.has(video):
            note("filtered", video["id"], message, group=GROUP)
            return
        time.sleep(seconds(video))
        archive.add(video)
        note("done", video["id"], message, group=GROUP)

    stop, consumer, empty = Stop(), confluent(topic, GROUP), 0
    working: dict[Future[None], Any] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while not stop.asked:
            message = consumer.poll(0 if working else 0.3) if len(working) < AT_ONCE else None
            empty = 0 if message is not None or working else empty + 1
            if empty == 10:
                note("idle")
            if message is not None and not message.error():
                tracker.begin(message.offset())
                working[pool.submit(render, message)] = message
            for future in [one for one in working if one.done()]:
                done = working.pop(future)
                future.result()
                at = TopicPartition(topic, done.partition(), tracker.end(done.offset()))
                consumer.commit(offsets=[at], asynchronous=False)
            if message is None and working:
                time.sleep(0.005)
    consumer.close()
