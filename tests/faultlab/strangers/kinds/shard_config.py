"""Shards by settings: each instance assigns itself its partitions, and two have one of them both; or each its own."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "ranking"
RIGHT, WRONG = ("0,1", "2,3", "4,5"), ("0,1", "1,2,3", "4,5")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(6)
    with ExitStack() as stack:
        shards = WRONG if faulty else RIGHT
        running = [
            stack.enter_context(books.running("ranking", ranking, topic, environ={"SHARD_PARTITIONS": shard}))
            for shard in shards
        ]
        books.wait("ready", 3)
        books.run("scores", scores, topic)
        books.wait("done", 70 if faulty else 60)
        for one in running:
            books.stop(one)
    books.close_topic(topic, GROUP)


def scores(topic: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            for number in range(60):
                score = {"id": f"score-{number}", "player": number % 6, "points": number}
                note("sent", score["id"], to=topic)
                await producer.send_and_wait(topic, json.dumps(score).encode(), partition=number % 6)
                await asyncio.sleep(0.02)

    asyncio.run(main())


def ranking(topic: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer, TopicPartition

        stop, table = Stop(), dict.fromkeys(range(6), 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka(), group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        mine = [TopicPartition(topic, int(one)) for one in os.environ["SHARD_PARTITIONS"].split(",")]
        consumer.assign(mine)
        await consumer.start()
        note("ready")
        try:
            while not stop.asked:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    await add(table, records)
                    await consumer.commit({partition: records[-1].offset + 1})
        finally:
            await consumer.stop()

    asyncio.run(main())


async def add(table: dict[int, int], records: list[Any]) -> None:
    for record in records:
        score = json.loads(record.value)
        note("began", score["id"], record, group=GROUP, pid=os.getpid())
        await asyncio.sleep(0.08)
        table[score["player"]] += score["points"]
        note("done", score["id"], record, group=GROUP, pid=os.getpid())
