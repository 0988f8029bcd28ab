"""A pipeline of tasks in a group: an error in one ends all, and what was queued and committed is gone; or none is.

A reader puts what it gets into a queue and commits it at once; workers take it from there. The group cancels them all
at the first error, the process ends, and its supervisor starts it anew. The twin commits what is done.

Shown by: the process span of the message at which the worker failed has the error; those of messages in the queue and
in the other workers' hands are abandoned; the commits are past them, and the next process begins behind (EDA104).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP, COUNT, ODD, ROOM = "stock-pipeline", 80, 33, 12
FIRST, IDLE = 80, 10  # empty polls
log = logging.getLogger("pipeline")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("warehouse", warehouse, library, topic)
    if faulty:
        books.run("stock-pipeline", pipeline, topic, faulty, status=1)
    books.run("stock-pipeline", pipeline, topic, faulty)
    books.close_topic(topic, GROUP)


def warehouse(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"move-{n}", "pieces": "a dozen" if n == ODD else str(n)} for n in range(COUNT)])


class Stock:
    """How many pieces there are; the twin looks a word up when it has failed to read it as a number."""

    def __init__(self, words: bool) -> None:
        self.words = words
        self.pieces = 0

    async def move(self, event: dict[str, Any], record: Any) -> None:
        note("began", event["id"], record, group=GROUP)
        await asyncio.sleep(0.1)
        try:
            self.pieces += int(event["pieces"])
        except ValueError:
            note("failed", event["id"], record, group=GROUP)
            if not self.words:
                raise
            self.pieces += 12
        note("done", event["id"], record, group=GROUP)


class Pipeline:
    """A reader and three workers."""

    def __init__(self, consumer: Any, stock: Stock, at_once: bool) -> None:
        self.consumer, self.stock, self.at_once = consumer, stock, at_once
        self.queue: asyncio.Queue[Any] = asyncio.Queue(ROOM)

    async def read(self, group: Any) -> None:
        empty = -FIRST
        while empty < IDLE:
            found = await self.consumer.getmany(timeout_ms=500, max_records=10)
            empty = 0 if found else empty + 1
            for records in found.values():
                for record in records:
                    await self.queue.put(record)
                if self.at_once:
                    await self.consumer.commit()
            if found and not self.at_once:
                await self.queue.join()
                await self.consumer.commit()
        await self.queue.join()
        group.cancel_scope.cancel()

    async def work(self) -> None:
        while True:
            record = await self.queue.get()
            await self.stock.move(value(record), record)
            self.queue.task_done()


def pipeline(topic: str, faulty: bool) -> None:
    async def main() -> None:
        import anyio

        async with aio(topic, GROUP) as consumer:
            one = Pipeline(consumer, Stock(not faulty), faulty)
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(one.work)
                group.start_soon(one.read, group)

    try:
        asyncio.run(main())
    except Exception:
        log.exception("the pipeline has failed")
        raise SystemExit(1) from None
