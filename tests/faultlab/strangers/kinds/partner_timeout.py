"""A call to a partner is cut short by a timeout: the message is rejected and gone, or it comes back and succeeds."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT = 30


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("webshop", webshop, library, queue)
    books.run("carrier-gateway", gateway, queue, faulty)
    books.close_queue(queue)


def webshop(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"label-{n}", "zip": 10000 + n} for n in range(COUNT)])


class Carrier:
    """A partner that is slow to answer now and then."""

    def __init__(self) -> None:
        self.calls = 0

    async def label(self) -> None:
        self.calls += 1
        await asyncio.sleep(5 if self.calls % 9 == 0 else 0.02)


def gateway(queue: str, faulty: bool) -> None:
    carrier = Carrier()
    last = 0.0

    async def on_message(message: Any) -> None:
        nonlocal last
        order = json.loads(message.body)
        note("began", order["id"], message)
        try:
            async with message.process(requeue=not faulty):
                await asyncio.wait_for(carrier.label(), 0.4)
                note("done", order["id"], message)
        except asyncio.TimeoutError:
            note("failed", order["id"], message)
        last = asyncio.get_running_loop().time()

    async def main() -> None:
        nonlocal last
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=3)
            source = await channel.get_queue(queue)
            tag = await source.consume(on_message)
            last = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - last < 3:
                await asyncio.sleep(0.2)
            await source.cancel(tag)

    asyncio.run(main())
