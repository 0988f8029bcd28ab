"""A ward's monitor assigns itself partitions by its settings, which lack the new one; or another process has that.

What shows it: send spans to partition 3 have been acknowledged; no poll, no process span and no position of any member
is of that partition, while the others are read (EDA107).
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, PARTITIONS, COUNT = "ward-monitor", 4, 120


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(PARTITIONS)
    monitor = {"aiokafka": by_aiokafka, "confluent-kafka": by_confluent}[library]
    with ExitStack() as stack:
        shares = [[0, 1, 2]] if faulty else [[0, 1, 2], [3]]
        running = [stack.enter_context(books.running("ward-monitor", monitor, topic, share)) for share in shares]
        books.wait("ready", len(shares))
        books.run("beds", beds, topic)
        books.wait("done", COUNT * 3 // 4 if faulty else COUNT)
        time.sleep(1)
        for one in running:
            books.stop(one)
    books.close_topic(topic, GROUP)
    if faulty:
        where = {"destination": topic, "partition": "3"}
        books.note("must", code="EDA107", where=where)
        books.note("may", code="EDA504", where=where)


def beds(topic: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka(), acks="all") as producer:
            for number in range(COUNT):
                pulse = {"id": f"pulse-{number}", "bed": number % 12, "bpm": 60 + number % 40}
                note("sent", pulse["id"], to=topic)
                await producer.send_and_wait(topic, json.dumps(pulse).encode(), partition=number % PARTITIONS)
                await asyncio.sleep(0.01)

    asyncio.run(main())


def watch(message: Any) -> None:
    pulse = value(message)
    note("began", pulse["id"], message, group=GROUP)
    time.sleep(0.003)
    note("done", pulse["id"], message, group=GROUP)


def by_aiokafka(topic: str, share: list[int]) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer, TopicPartition

        stop = Stop()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka(), group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        mine = [TopicPartition(topic, number) for number in share]
        consumer.assign(mine)
        async with consumer:
            note("ready")
            while not stop.asked:
                found = await consumer.getmany(*mine, timeout_ms=300, max_records=20)
                for partition, messages in found.items():
                    for message in messages:
                        watch(message)
                    await consumer.commit({partition: messages[-1].offset + 1})

    asyncio.run(main())


def by_confluent(topic: str, share: list[int]) -> None:
    """Have a thread and a consumer for each partition, as the first version of the monitor had."""
    stop = Stop()
    threads = [threading.Thread(target=read, args=(topic, number, stop)) for number in share]
    for thread in threads:
        thread.start()
    note("ready")
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)


def read(topic: str, partition: int, stop: Stop) -> None:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": kafka(),
            "group.id": GROUP,
            "client.id": f"ward-{partition}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, partition)])
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is not None and message.error() is None:
            watch(message)
            consumer.commit(message=message, asynchronous=False)
    consumer.close()
