"""One task reads into an asyncio queue, four work: the reader commits what it has queued, or what has been done."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "thumbnailer"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("uploads", uploads, library, topic)
    with books.running("thumbnailer", thumbnailer, topic, faulty) as first:
        books.wait("done", 20)
        books.stop(first)
    with books.running("thumbnailer", thumbnailer, topic, faulty) as second:
        books.wait("idle", 1)
        books.stop(second)
    books.close_topic(topic, GROUP)


def uploads(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"upload-{n}", "pixels": n * 1000} for n in range(80)])


class Workers:
    """A pool of tasks on one queue."""

    def __init__(self, number: int) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=30)
        self.tasks = [asyncio.create_task(self.work(), name=f"worker-{n}") for n in range(number)]

    async def work(self) -> None:
        while True:
            record = await self.queue.get()
            image = json.loads(record.value)
            note("began", image["id"], record, group=GROUP)
            await asyncio.sleep(0.04)
            note("done", image["id"], record, group=GROUP)
            self.queue.task_done()

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def thumbnailer(topic: str, faulty: bool) -> None:
    async def main() -> None:
        stopping, idle = asyncio.Event(), 0
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        workers = Workers(4)
        async with aio(topic, GROUP) as consumer:
            while not stopping.is_set():
                found = await consumer.getmany(timeout_ms=300, max_records=10)
                records = [record for batch in found.values() for record in batch]
                idle = 0 if records else idle + 1
                if idle == 6:
                    note("idle")
                for record in records:
                    await workers.queue.put(record)
                if not faulty:
                    await workers.queue.join()
                if records:
                    await consumer.commit()
            await workers.stop()

    asyncio.run(main())
