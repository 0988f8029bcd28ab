"""One task per partition; the faulty one commits all positions when one task is done, and is killed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "geo-index"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(3)
    books.run("fleet", fleet, library, topic, 0)
    with books.running("geo-index", index, topic, faulty) as first:
        books.wait("done", 25)
        time.sleep(0.3)
        if faulty:
            books.kill("geo-index", first)
        else:
            books.stop(first)
    books.run("fleet", fleet, library, topic, 60)
    with books.running("geo-index", index, topic, False) as second:
        time.sleep(12)
        books.stop(second)
    books.close_topic(topic, GROUP)


def fleet(library: str, topic: str, first: int) -> None:
    publish(library, topic, [{"id": f"pos-{first + n}", "truck": n % 9} for n in range(60)], "truck")


async def one(record: Any) -> None:
    position = json.loads(record.value)
    note("began", position["id"], record, group=GROUP)
    await asyncio.sleep(0.02 + 0.05 * record.partition)
    note("done", position["id"], record, group=GROUP)


class Lane:
    """What is to be done of one partition."""

    def __init__(self, consumer: Any, partition: Any, all_at_once: bool) -> None:
        self.consumer, self.partition, self.all_at_once = consumer, partition, all_at_once
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        while (record := await self.inbox.get()) is not None:
            await one(record)
            if self.all_at_once:
                await self.consumer.commit()
            else:
                await self.consumer.commit({self.partition: record.offset + 1})

    async def finish(self) -> None:
        self.inbox.put_nowait(None)
        await self.task


def index(topic: str, faulty: bool) -> None:
    async def main() -> None:
        stop = Stop()
        lanes: dict[Any, Lane] = {}
        async with aio(topic, GROUP) as consumer:
            while not stop.asked:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    lane = lanes.get(partition) or lanes.setdefault(partition, Lane(consumer, partition, faulty))
                    for record in records:
                        lane.inbox.put_nowait(record)
            for lane in lanes.values():
                await lane.finish()

    asyncio.run(main())
