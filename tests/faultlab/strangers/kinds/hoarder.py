"""A slow worker is handed the whole queue, and a quick one has nothing to do; in the twin each gets what it manages."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, SHIFT, SLOW, QUICK = 60, 10, 0.2, 0.005


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with (
        books.running("thumbs-old", worker, library, queue, SLOW, 0 if faulty else 1) as old,
        books.running("thumbs-new", worker, library, queue, QUICK, 4) as new,
    ):
        books.wait("ready", 1, "thumbs-old")
        books.wait("ready", 1, "thumbs-new")
        time.sleep(0.5)
        books.run("uploads", uploads, library, queue)
        for program in (old, new):
            books.stage.finish(program)
    books.close_queue(queue)
    lines = diary.read(books.file)
    sent = {line["event"]: line["time"] for line in lines if line["what"] == "sent"}
    for line in lines if faulty else ():
        # What the quick one has given back may as well have been begun: a second attempt does not count as waiting.
        if line["what"] == "began" and line["time"] - sent[line["event"]] > 2 and not line["again"]:
            books.note("must", code="EDA501", where=line["at"])


def uploads(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"photo-{n}"} for n in range(COUNT)])


def worker(library: str, queue: str, pace: float, prefetch: int) -> None:
    {"pika": by_pika, "aio-pika": by_aio_pika}[library](queue, pace, prefetch)


def by_pika(queue: str, pace: float, prefetch: int) -> None:
    """Work in shifts: after each its consumer is cancelled, which gives back what it has not begun, and comes again."""
    connection = connect()
    idle = False
    while not idle:
        channel = connection.channel()
        if prefetch:
            channel.basic_qos(prefetch_count=prefetch)
        note("ready")
        for done, (method, properties, body) in enumerate(channel.consume(queue, inactivity_timeout=20), 1):
            idle = method is None
            if idle:
                break
            make(json.loads(body)["id"], properties, pace, method.redelivered)
            channel.basic_ack(method.delivery_tag)
            if done == SHIFT and prefetch:
                break
        channel.cancel()
        channel.close()
        time.sleep(0.05)
    connection.close()


def make(photo: str, message: Any, pace: float, again: bool) -> None:
    note("began", photo, message, again=again)
    time.sleep(pace)
    note("done", photo, message)


def by_aio_pika(queue: str, pace: float, prefetch: int) -> None:
    async def shift(connection: Any) -> bool:
        async with connection.channel() as channel:
            await channel.set_qos(prefetch_count=prefetch)
            source, done = await channel.get_queue(queue), 0
            note("ready")
            try:
                async with source.iterator(timeout=20) as messages:
                    async for message in messages:
                        async with message.process():
                            note("began", json.loads(message.body)["id"], message, again=message.redelivered)
                            await asyncio.sleep(pace)
                            note("done", json.loads(message.body)["id"], message)
                        done += 1
                        if done == SHIFT and prefetch:
                            return True
            except asyncio.TimeoutError:
                return False
        return False

    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            while await shift(connection):
                await asyncio.sleep(0.05)

    asyncio.run(main())
