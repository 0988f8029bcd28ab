"""A dubbing service acknowledges a track, then renders it: a track without voices ends the attempt, and is gone.

Its twin acknowledges last, so that such a track comes again, and takes the studio's own voice then. Both connect anew
after an error. Shown by: an ack span that begins before the error of the message's process span (`error.type`), and no
second process span of the message (EDA104).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, MUTE = 24, {7, 15}
log = logging.getLogger("dubbing")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("dubbing", dubbing, queue, faulty):
        books.wait("ready", 1)
        books.run("editing", editing, library, queue)
        books.wait("done", COUNT - len(MUTE) if faulty else COUNT)
        books.wait("failed", len(MUTE))
        books.wait("ready", 1 + len(MUTE))
        time.sleep(2)
    books.close_queue(queue)


def editing(library: str, queue: str) -> None:
    tracks = [{"id": f"track-{n}", **({} if n in MUTE else {"voices": ["ana", "bo"]})} for n in range(COUNT)]
    publish(library, queue, tracks)


class Studio:
    """Renders tracks."""

    def __init__(self, early: bool) -> None:
        self.early = early
        self.rendered: dict[str, str] = {}

    async def take(self, message: Any) -> None:
        if self.early:
            await message.ack()  # so that the queue looks short
        await self.render(json.loads(message.body), message)
        if not self.early:
            await message.ack()

    async def render(self, track: dict[str, Any], message: Any) -> None:
        note("began", track["id"], message)
        await asyncio.sleep(0.02)
        if message.redelivered:
            track.setdefault("voices", ["studio"])
        if "voices" not in track:
            note("failed", track["id"], message)
        self.rendered[track["id"]] = "+".join(track["voices"])
        note("done", track["id"], message)

    async def serve(self, queue: str) -> None:
        import aio_pika

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)
            source = await channel.get_queue(queue)
            note("ready")
            async with source.iterator() as messages:
                async for message in messages:
                    await self.take(message)

    async def run(self, queue: str) -> None:
        while True:
            try:
                await self.serve(queue)
            except KeyError:
                log.exception("dubbing starts again")
            await asyncio.sleep(0.2)


def dubbing(queue: str, faulty: bool) -> None:
    async def main() -> None:
        task = asyncio.create_task(Studio(early=faulty).run(queue))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait({task})

    asyncio.run(main())
