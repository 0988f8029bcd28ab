"""Competing workers on a quorum queue, one killed: it acknowledges by tens what it has charged, or each at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT = 60


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(queue_type="quorum")
    books.run("subscriptions", subscriptions, library, queue)
    with (
        books.running("charger", charger, queue, faulty) as one,
        books.running("charger", charger, queue, faulty) as two,
    ):
        books.wait("done", 28)
        time.sleep(1.6)
        books.kill("charger", two)
        books.stage.finish(one)
    books.close_queue(queue)


def subscriptions(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"charge-{n}", "cents": 999} for n in range(COUNT)])


def charger(queue: str, faulty: bool) -> None:
    every = 10 if faulty else 1

    async def charge(message: Any) -> None:
        subscription = json.loads(message.body)
        note("began", subscription["id"], message, pid=os.getpid())
        await asyncio.sleep(0.15)
        note("done", subscription["id"], message, pid=os.getpid())

    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=15)
            source = await channel.get_queue(queue)
            count, last = 0, None
            try:
                async with source.iterator(timeout=4) as messages:
                    async for message in messages:
                        await charge(message)
                        count, last = count + 1, message
                        if count % every == 0:
                            await message.ack(multiple=True)
                            last = None
            except asyncio.TimeoutError:
                if last is not None:
                    await last.ack(multiple=True)

    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends by itself
    asyncio.run(main())
