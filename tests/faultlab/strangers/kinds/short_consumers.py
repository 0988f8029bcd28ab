"""An API makes a consumer for each request, in the worker's own group; its twin reads without a group."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "meters"
REQUESTS = 14
log = logging.getLogger("meters")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(4)
    with books.running("meter-worker", worker, topic) as working, books.running("meters", meters, topic) as sending:
        books.wait("done", 5)
        books.run("meter-api", api, topic, faulty)
        books.stage.finish(sending)
        books.wait("done", 100)
        books.stop(working)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA602", where={"group": GROUP})


def meters(topic: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            for number in range(100):
                reading = {"id": f"m-{number}", "meter": number % 8}
                note("sent", reading["id"], to=topic)
                await producer.send_and_wait(topic, json.dumps(reading).encode(), partition=number % 4)
                await asyncio.sleep(0.2)

    asyncio.run(main())


async def take(consumer: Any) -> None:
    from aiokafka.errors import CommitFailedError

    for records in (await consumer.getmany(timeout_ms=300)).values():
        for record in records:
            reading = json.loads(record.value)
            note("began", reading["id"], record, group=GROUP)
            note("done", reading["id"], record, group=GROUP, whole=True)
    try:
        await consumer.commit()
    except CommitFailedError:
        log.warning("the group has changed")


def worker(topic: str) -> None:
    async def main() -> None:
        stop = Stop()
        async with aio(topic, GROUP) as consumer:
            while not stop.asked:
                await take(consumer)

    asyncio.run(main())


def api(topic: str, faulty: bool) -> None:
    async def main() -> None:
        for _ in range(REQUESTS):
            await (latest_by_group if faulty else latest)(topic)
            await asyncio.sleep(0.8)

    asyncio.run(main())


async def latest_by_group(topic: str) -> None:
    async with aio(topic, GROUP) as consumer:
        await take(consumer)


async def latest(topic: str) -> None:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    async with AIOKafkaConsumer(bootstrap_servers=kafka(), enable_auto_commit=False) as consumer:
        every = [TopicPartition(topic, number) for number in range(4)]
        consumer.assign(every)
        for partition, end in (await consumer.end_offsets(every)).items():
            consumer.seek(partition, max(0, end - 1))
        for records in (await consumer.getmany(timeout_ms=300)).values():
            log.info("latest: %s", [record.value for record in records])
