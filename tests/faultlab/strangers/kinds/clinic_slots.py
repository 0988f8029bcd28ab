"""A pipeline commits automatically what it has queued, and is killed while a calendar hangs; or commits after the work.

A reader fills an asyncio queue; workers book slots in a calendar, which stops answering, so that the process grows
until the kernel ends it. The client has committed by then what was read, as it does by itself. The twin commits a batch
when it is through, and its calendar knows slots that were booked before.

Shown by: the sends' spans have all offsets, the next member begins behind what was in the queue and in the workers'
hands, and nobody has a process span of these (EDA104).
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, confluent, publish, value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, COUNT, ANSWERS, WORKERS, ROOM, BATCH = "clinic-slots", 90, 24, 2, 20, 10
FIRST, IDLE = 80, 12  # empty polls


def play(books: Books, library: str, faulty: bool) -> None:
    topic, calendar = books.topic(1), str(books.file.with_suffix(".calendar"))
    books.run("reception", reception, library, topic)
    with books.running("clinic-slots", slots, library, topic, calendar, ANSWERS, faulty) as one:
        books.wait("hangs", WORKERS)
        time.sleep(3)  # what was done is exported, and what was read is committed
        books.kill("clinic-slots", one)
    books.run("clinic-slots", slots, library, topic, calendar, COUNT, faulty)
    books.close_topic(topic, GROUP)
    # Two handlers did hang, and nothing was read meanwhile, if only for some seconds.
    books.note("may", code="EDA503", where={"service": "clinic-slots"})
    books.note("may", code="EDA504", where={"group": GROUP})


def reception(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"visit-{n}", "day": n // 8, "slot": n % 8} for n in range(COUNT)])


class Calendar:
    """Books slots, each once; answers so many questions, and then no more."""

    def __init__(self, file: str, answers: int) -> None:
        self.db = sqlite3.connect(file, isolation_level=None)
        self.db.execute("CREATE TABLE IF NOT EXISTS booked (id TEXT PRIMARY KEY)")
        self.answers = answers

    async def book(self, visit: dict[str, Any], message: Any) -> None:
        note("began", visit["id"], message, group=GROUP)
        self.answers -= 1
        if self.answers < 0:
            note("hangs", visit["id"])
            await asyncio.sleep(600)
        await asyncio.sleep(0.02)
        known = self.db.execute("SELECT 1 FROM booked WHERE id = ?", [visit["id"]]).fetchone()
        self.db.execute("INSERT OR IGNORE INTO booked VALUES (?)", [visit["id"]])
        note("filtered" if known else "done", visit["id"], message, group=GROUP)


class Source:
    """Batches of either client, and how they are committed."""

    def __init__(self, library: str, topic: str, auto: bool) -> None:
        self.library, self.auto = library, auto
        self.consumer = (aio if library == "aiokafka" else confluent)(topic, GROUP, auto)

    async def batches(self) -> AsyncIterator[list[Any]]:
        if self.library == "aiokafka":
            await self.consumer.start()
        empty = -FIRST
        while empty < IDLE:
            batch = await self._next()
            empty = 0 if batch else empty + 1
            if batch:
                yield batch

    async def _next(self) -> list[Any]:
        if self.library == "aiokafka":
            found = await self.consumer.getmany(timeout_ms=500, max_records=BATCH)
            return [record for records in found.values() for record in records]
        polled = await asyncio.to_thread(self.consumer.consume, BATCH, 0.5)
        return [message for message in polled if not message.error()]

    async def commit(self) -> None:
        if self.library == "aiokafka":
            await self.consumer.commit()
        else:
            await asyncio.to_thread(self.consumer.commit, asynchronous=False)

    async def close(self) -> None:
        if self.library == "aiokafka":
            await self.consumer.stop()
        else:
            self.consumer.close()


async def pipeline(source: Source, calendar: Calendar) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue(ROOM)

    async def work() -> None:
        while True:
            message = await queue.get()
            await calendar.book(value(message), message)
            queue.task_done()

    workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
    async for batch in source.batches():
        for message in batch:
            await queue.put(message)
        if not source.auto:
            await queue.join()
            await source.commit()
    await queue.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    await source.close()


def slots(library: str, topic: str, calendar: str, answers: int, faulty: bool) -> None:
    async def main() -> None:
        await pipeline(Source(library, topic, faulty), Calendar(calendar, answers))

    asyncio.run(main())
