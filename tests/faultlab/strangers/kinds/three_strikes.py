"""A consumer counts failures in memory, and gives a message up after three with a log; in its twin the third succeeds.

What shows it: the exception leaves the handler three times for one message, each time with its `error.type` on a
process span and the message put back; then its process span has a logged error (`eda.process.error_logged`), and it is
refused (the span `reject`) and not put back. No process span of it ends well and is acknowledged.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faultlab.strangers.books import Books

    Callback = Callable[[Any], Awaitable[None]]

LIBRARIES = ("aio-pika",)
COUNT, BAD, STRIKES = 40, {9, 22}, 3
log = logging.getLogger("thumbnails")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("thumbnails", thumbnails, queue, faulty):
        books.wait("ready", 1)
        books.run("uploads", uploads, library, queue)
        books.wait("done", COUNT - len(BAD) if faulty else COUNT)
        books.wait("failed", (STRIKES if faulty else STRIKES - 1) * len(BAD))
        books.wait("logged", len(BAD) if faulty else 0)
    books.close_queue(queue)


def uploads(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"photo-{n}", "format": "heic" if n in BAD else "jpeg"} for n in range(COUNT)])


def strikes(limit: int) -> Callable[[Callback], Callback]:
    """Have a callback try a message so often, and give it up then."""
    counts: Counter[bytes] = Counter()

    def decorate(callback: Callback) -> Callback:
        @functools.wraps(callback)
        async def run(message: Any) -> None:
            if counts[message.body] >= limit:
                event = json.loads(message.body)
                note("logged", event["id"])
                log.error("giving up %s after %s failures", event["id"], limit)
                await message.reject(requeue=False)
                return
            counts[message.body] += 1
            async with message.process(requeue=True):
                await callback(message)

        return run

    return decorate


class Converter:
    """Makes a picture small, by a tool that lacks a format, or whose plug-in is loaded at the third time."""

    def __init__(self, works_at: int) -> None:
        self.works_at = works_at
        self.tries: Counter[str] = Counter()

    def convert(self, photo: dict[str, Any], message: Any) -> None:
        note("began", photo["id"], message)
        self.tries[photo["id"]] += 1
        if photo["format"] == "heic" and self.tries[photo["id"]] < self.works_at:
            note("failed", photo["id"], message)
            raise ValueError("cannot identify image file")
        note("done", photo["id"], message)


def thumbnails(queue: str, faulty: bool) -> None:
    converter = Converter(10**6 if faulty else STRIKES)

    @strikes(STRIKES)
    async def on_photo(message: Any) -> None:
        await asyncio.sleep(0.01)
        converter.convert(json.loads(message.body), message)

    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=2)
            source = await channel.get_queue(queue)
            tag = await source.consume(on_photo)
            note("ready")
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())
