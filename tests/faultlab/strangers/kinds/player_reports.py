"""A game's release sends reports of players to the next version of a topic, and moderation reads the first one still.

In the twin moderation follows half a minute later or so, and reads both. Shown by: send spans with offsets to a topic
that has no poll, no process span and no commit of any group, while the first version has them (EDA107).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP, COUNT = "moderation", 20


def play(books: Books, library: str, faulty: bool) -> None:  # there is one library
    first, second = books.topic(2), books.topic(2)
    with books.serving("moderation", moderation, [first]):
        books.run("game", game, first, 0)
        books.wait("done", COUNT)
        books.run("game", game, second, COUNT)
        time.sleep(4)
    if not faulty:
        with books.serving("moderation", moderation, [first, second]):
            books.wait("done", 2 * COUNT)
            time.sleep(2)
        books.close_topic(second, GROUP)
    else:
        books.note("unread", to=second)
        books.close_topic(second)
    books.close_topic(first, GROUP)


def game(topic: str, first: int) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(
            bootstrap_servers=kafka(), acks="all", value_serializer=lambda report: json.dumps(report).encode()
        ) as producer:
            for number in range(first, first + COUNT):
                note("sent", f"report-{number}", to=topic)
                await producer.send_and_wait(topic, {"id": f"report-{number}", "about": f"p-{number % 4}"})

    asyncio.run(main())


def moderation(topics: list[str]) -> None:
    async def judge(consumer: Any) -> None:
        async for message in consumer:
            report = json.loads(message.value)
            note("began", report["id"], message, group=GROUP)
            await asyncio.sleep(0.01)
            note("done", report["id"], message, group=GROUP)
            await consumer.commit()

    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        consumer = AIOKafkaConsumer(
            *topics, bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
        )
        async with consumer:
            task = asyncio.create_task(judge(consumer))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
            await asyncio.wait({task})

    asyncio.run(main())
