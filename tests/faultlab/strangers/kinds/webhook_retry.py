"""Webhooks that fail wait in a queue with a time to live: the third try succeeds, or the hook is let go after it."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)


def play(books: Books, library: str, faulty: bool) -> None:
    main = books.queue()
    later = books.queue(message_ttl=300, dead_letter_exchange="", dead_letter_routing_key=main)
    with books.running("webhooks", webhooks, main, later, faulty) as one:
        books.run("billing", billing, library, main)
        books.wait("done", 22 if faulty else 24)
        books.wait("failed", 6 if faulty else 4)
        books.stop(one)
    books.close_queue(main)
    books.close_queue(later)


def billing(library: str, queue: str) -> None:
    hosts = ["down.example" if n in {5, 17} else "up.example" for n in range(24)]
    publish(library, queue, [{"id": f"hook-{n}", "host": host} for n, host in enumerate(hosts)])


class Client:
    """Posts to the customers' servers, one of which is down."""

    def __init__(self, for_good: bool) -> None:
        self.for_good = for_good

    async def post(self, hook: dict[str, Any], tries: int, message: Any) -> None:
        note("began", hook["id"], message)
        await asyncio.sleep(0.02)
        if hook["host"] == "down.example" and (self.for_good or tries < 2):
            note("failed", hook["id"], message)
            raise ConnectionError(503, hook["host"])
        note("done", hook["id"], message)


def webhooks(main: str, later: str, faulty: bool) -> None:
    import aio_pika

    client = Client(faulty)

    async def run() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)

            async def on_message(message: Any) -> None:
                tries = int(message.headers.get("x-tries", 0))
                try:
                    await client.post(json.loads(message.body), tries, message)
                except ConnectionError:
                    if tries < 2:
                        again = aio_pika.Message(message.body, headers={**message.headers, "x-tries": tries + 1})
                        await channel.default_exchange.publish(again, routing_key=later)
                await message.ack()

            source = await channel.get_queue(main)
            await source.consume(on_message)
            await stopping.wait()

    asyncio.run(run())
