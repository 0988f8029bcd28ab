"""A queue keeps the last fifteen positions of trains, and its reader is slow: what falls out at its head is lost.

The twin's queue refuses what is too much, and the train sends it again until it is taken. Shown by: confirmed send
spans of which nobody has a process span, while others of the queue are processed before and after (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING

from support.waiting import until

from faultlab.strangers import diary
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT = 60


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(max_length=15, overflow="drop-head" if faulty else "reject-publish")
    last = f"position-{COUNT - 1}"
    with books.serving("timetable", timetable, queue):
        books.wait("ready", 1)
        books.run("train", train, queue)
        until(lambda: last in {line["event"] for line in diary.read(books.file) if line["what"] == "done"}, "it", 60)
        time.sleep(2)
    books.close_queue(queue)
    if faulty:
        assert books.count("done") < COUNT
        books.note("may", code="EDA504", where={"within": queue})  # it did not keep up
    else:
        assert books.count("done") == COUNT
        for code in ("EDA106", "EDA101"):  # the first attempts were refused
            books.note("may", code=code, where={"service": "train"})


def train(queue: str) -> None:
    async def main() -> None:
        import aio_pika
        from aio_pika.exceptions import DeliveryError

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            for number in range(COUNT):
                name = f"position-{number}"
                body = json.dumps({"id": name, "km": 0.3 * number}).encode()
                note("sent", name, to=queue)
                while True:
                    try:
                        message = aio_pika.Message(body, message_id=name)
                        await channel.default_exchange.publish(message, routing_key=queue)
                        break
                    except DeliveryError:
                        note("nacked", name)
                        await asyncio.sleep(0.2)

    asyncio.run(main())


def timetable(queue: str) -> None:
    async def read() -> None:
        import aio_pika

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            source = await channel.get_queue(queue)
            note("ready")
            async with source.iterator() as positions:
                async for message in positions:
                    async with message.process():
                        position = json.loads(message.body)
                        note("began", position["id"], message)
                        await asyncio.sleep(0.15)
                        note("done", position["id"], message)

    async def main() -> None:
        task = asyncio.create_task(read())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait({task})

    asyncio.run(main())
