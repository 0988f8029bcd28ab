"""A rater of roaming calls commits a record as soon as it has it, and is killed for its memory while it rates one.

Its twin commits what it has rated, is killed at the same record, and rates it with more memory. Shown by: the record's
send span has an offset; the commit span that names the next offset is older than the end of the process; no process
span of the record ever ends, and the next process begins behind it (EDA104).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED, kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP, COUNT, LATER, HUGE, SESSION = "rating", 24, 12, 13, 6000


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    rater = {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library]
    books.run("roaming", roaming, library, topic, 0, COUNT)
    books.run("rating", rater, topic, faulty, status=KILLED, environ={"MEMORY_MB": "256"})
    books.run("roaming", roaming, library, topic, COUNT, COUNT + LATER)
    with books.running("rating", rater, topic, faulty, environ={"MEMORY_MB": "2048"}) as second:
        books.wait("done", COUNT + LATER - faulty)
        time.sleep(2)
        books.stop(second)
    books.close_topic(topic, GROUP)


def roaming(library: str, topic: str, first: int, end: int) -> None:
    calls = [
        {"id": f"cdr-{n}", "network": f"26{n % 4}01", "legs": 90_000 if n == HUGE else 2} for n in range(first, end)
    ]
    publish(library, topic, calls, "network")


class Rater:
    """Puts a price on calls, as far as its memory goes."""

    def __init__(self) -> None:
        self.memory = int(os.environ["MEMORY_MB"])
        self.cents: dict[str, int] = {}

    def rate(self, message: Any) -> None:
        call = value(message)
        note("began", call["id"], message, group=GROUP)
        if call["legs"] > 100 * self.memory:
            time.sleep(3)  # ever more of it is swapped
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does
        time.sleep(0.02)
        self.cents[call["id"]] = 7 * call["legs"]
        note("done", call["id"], message, group=GROUP)


def by_confluent(topic: str, early: bool) -> None:
    from confluent_kafka import Consumer

    stop, rater = Stop(), Rater()
    consumer = Consumer(
        {
            "bootstrap.servers": kafka(),
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": SESSION,
        }
    )
    consumer.subscribe([topic])
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is None or message.error():
            continue
        if early:
            consumer.commit(message=message, asynchronous=False)
        rater.rate(message)
        if not early:
            consumer.commit(message=message, asynchronous=False)
    consumer.close()


def by_aiokafka(topic: str, early: bool) -> None:
    async def rate(consumer: Any) -> None:
        rater = Rater()
        async for message in consumer:
            if early:
                await consumer.commit()
            # Rating is a long calculation, so it has a thread of its own.
            await asyncio.to_thread(rater.rate, message)
            if not early:
                await consumer.commit()

    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=SESSION,
            heartbeat_interval_ms=1000,
        )
        await consumer.start()
        task = asyncio.create_task(rate(consumer))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait({task})
        await consumer.stop()

    asyncio.run(main())
