"""An indexer pauses a partition whose buffer is full; the faulty one resumes only those that it has just read."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "indexer"
FULL = 10


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(3)
    with books.running("indexer", index, topic, faulty) as indexer:
        books.run("catalogue", catalogue, topic)
        time.sleep(3)
        books.stop(indexer)
    books.close_topic(topic, GROUP)
    for partition in behind(diary.read(books.file)):
        books.note("must", code="EDA504", where={"group": GROUP, "destination": topic, "partition": partition})


def behind(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Give the partitions with ten messages or more that nobody has come to."""
    stored = Counter(line["at"]["partition"] for line in lines if line["what"] == "stored")
    committed = {line["at"]["partition"]: line["at"]["offset"] for line in lines if line["what"] == "committed"}
    yield from (partition for partition, count in stored.items() if count - max(committed[partition], 0) >= FULL)


def catalogue(topic: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            for number in range(150):
                partition = 2 if 30 <= number < 70 else number % 3  # the import of one supplier comes in one piece
                product = {"id": f"product-{number}", "supplier": partition}
                note("sent", product["id"], to=topic)
                await producer.send_and_wait(topic, json.dumps(product).encode(), partition=partition)
                await asyncio.sleep(0 if 30 <= number < 70 else 0.15)

    asyncio.run(main())


def index(topic: str, faulty: bool) -> None:
    async def main() -> None:
        stop, buffers = Stop(), defaultdict(list)
        async with aio(topic, GROUP) as consumer:
            while not stop.asked:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    buffers[partition].extend(records)
                    if len(buffers[partition]) >= FULL:
                        consumer.pause(partition)
                    elif faulty and partition in consumer.paused():
                        consumer.resume(partition)  # there is room again
                for partition, buffer in buffers.items():
                    await drain(buffer)
                    if not faulty and partition in consumer.paused():
                        consumer.resume(partition)
                await consumer.commit()

    asyncio.run(main())


async def drain(buffer: list[Any]) -> None:
    for record in buffer:
        product = json.loads(record.value)
        note("began", product["id"], record, group=GROUP)
        await asyncio.sleep(0.02)
        note("done", product["id"], record, group=GROUP, whole=True)
    buffer.clear()
