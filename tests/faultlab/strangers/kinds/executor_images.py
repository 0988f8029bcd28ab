"""An async service hands images to an executor and asks for no result; or it asks, and takes a second way for some.

Shown by: the process spans of those that failed have `error.type` and `eda.process.error_unretrieved`, and commits are
past them.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "resizer"
COUNT = 30


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.serving("resizer", resizer, topic, faulty):
        books.wait("up", 1)
        books.run("gallery", gallery, library, topic)
        books.wait("done", sum(not (faulty and kind(number) == "heic") for number in range(COUNT)))
        books.wait("failed", sum(kind(number) == "heic" for number in range(COUNT)))
    books.close_topic(topic, GROUP)


def kind(number: int) -> str:
    return "heic" if number % 6 == 2 else "jpeg"


def gallery(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"image-{n}", "kind": kind(n)} for n in range(COUNT)])


def resize(record: Any) -> None:
    image = value(record)
    note("began", image["id"], record, group=GROUP)
    time.sleep(0.05)
    if image["kind"] != "jpeg":
        note("failed", image["id"], record, group=GROUP)
        raise ValueError(f"cannot identify image file {image['id']}")
    note("done", image["id"], record, group=GROUP)


def convert(record: Any) -> None:
    time.sleep(0.1)
    note("done", value(record)["id"], record, group=GROUP)


def resizer(topic: str, faulty: bool) -> None:
    asyncio.run(serve(topic, careless if faulty else careful))


async def serve(topic: str, batch: Any) -> None:
    stop, pool = Stop(), ThreadPoolExecutor(4, thread_name_prefix="resize")
    async with aio(topic, GROUP) as consumer:
        note("up")
        while not stop.asked:
            found = await consumer.getmany(timeout_ms=300)
            for records in found.values():
                await batch(records, pool)
            if found:
                await consumer.commit()
    pool.shutdown()


waiting: set[asyncio.Future[None]] = set()


async def careless(records: list[Any], pool: ThreadPoolExecutor) -> None:
    for record in records:
        future = asyncio.get_running_loop().run_in_executor(pool, resize, record)
        waiting.add(future)  # else it may be collected, as the documentation says
        future.add_done_callback(waiting.discard)


async def careful(records: list[Any], pool: ThreadPoolExecutor) -> None:
    loop = asyncio.get_running_loop()
    results = await asyncio.gather(
        *[loop.run_in_executor(pool, resize, record) for record in records], return_exceptions=True
    )
    for record, result in zip(records, results, strict=True):
        if isinstance(result, ValueError):
            await loop.run_in_executor(pool, convert, record)
