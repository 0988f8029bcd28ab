"""A service starts a task for each delivery's address and commits behind the scenes; a deploy cancels those at work.

The handler waits for a slow map service, eight at a time. At SIGTERM the service cancels its tasks, stops its consumer,
which commits what was read, and ends. The twin waits for its tasks before it stops the consumer.

Shown by: process spans of the cancelled tasks, which were handed over and are abandoned; commits past them; no process
span of them after the restart (EDA104).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP, COUNT, AT_ONCE = "geo-lookups", 40, 8


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("geo-lookups", service, topic, faulty) as old:
        books.run("deliveries", deliveries, library, topic)
        books.wait("done", 12)
        books.stop(old)
    with books.running("geo-lookups", service, topic, faulty) as new:
        books.wait("up", 2)
        books.run("deliveries", more, library, topic)
        if faulty:
            books.wait("last", 1)
            time.sleep(3)
        else:
            books.wait("done", COUNT + 1)
        books.stop(new)
    books.close_topic(topic, GROUP)


def deliveries(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"delivery-{n}", "street": f"s{n}"} for n in range(COUNT)])


def more(library: str, topic: str) -> None:
    publish(library, topic, [{"id": "delivery-last", "street": "s"}])


class Geo:
    """Looks up addresses, a few at a time."""

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.room = asyncio.Semaphore(AT_ONCE)
        self.tasks: set[asyncio.Task[None]] = set()

    async def look_up(self, message: Any) -> None:
        name = value(message)["id"]
        note("began", name, message, group=GROUP)
        try:
            await asyncio.sleep(1)
        finally:
            self.room.release()
        note("done", name, message, group=GROUP)
        if name == "delivery-last":
            note("last")

    async def take(self) -> None:
        try:
            message = await asyncio.wait_for(self.consumer.getone(), 0.3)
        except asyncio.TimeoutError:
            return
        await self.room.acquire()
        task = asyncio.create_task(self.look_up(message))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def service(topic: str, faulty: bool) -> None:
    async def main() -> None:
        stop, consumer = Stop(), aio(topic, GROUP, auto=True)
        geo = Geo(consumer)
        await consumer.start()
        note("up")
        while not stop.asked:
            await geo.take()
        if faulty:
            for task in geo.tasks:
                task.cancel()
        else:
            await asyncio.gather(*geo.tasks)
        await consumer.stop()

    asyncio.run(main())
