"""Sensors' readings are taken with automatic acknowledgement, and one breaks the intake: what it had at hand is gone.

The process ends with a traceback, and is started anew. Its next release can read such a value. The twin acknowledges
each reading after it is stored, breaks at the same one, and its next release gets all of them again.

Shown by: the process span of that reading has an error and `eda.message.auto_ack` (EDA104). Of those that the client
had fetched behind it there are sends and no process spans, while others of the queue have some (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, ODD, IDLE = 30, 12, 6.0


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    intake = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    books.run("gateway", gateway, library, queue, 0)
    with books.running("sensor-intake", intake, queue, faulty, False) as release:
        books.stage.finish(release, 1)
    books.run("gateway", gateway, library, queue, COUNT)
    books.run("sensor-intake", intake, queue, faulty, True)
    books.close_queue(queue)
    assert books.count("done") < 2 * COUNT - 1 if faulty else books.count("done") == 2 * COUNT


def gateway(library: str, queue: str, first: int) -> None:
    readings = [{"id": f"reading-{n}", "celsius": "n/a" if n == ODD else 20.5} for n in range(first, first + COUNT)]
    publish(library, queue, readings)


class Store:
    """Takes readings, as numbers."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self.sum = 0.0

    def put(self, reading: dict[str, Any], message: Any) -> None:
        note("began", reading["id"], message)
        try:
            self.sum += float(reading["celsius"])
        except ValueError:
            if not self.lenient:
                note("failed", reading["id"], message)
                raise
        note("done", reading["id"], message)


def by_pika(queue: str, auto: bool, lenient: bool) -> None:
    store, connection = Store(lenient), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=50)
    for method, properties, body in channel.consume(queue, auto_ack=auto, inactivity_timeout=IDLE):
        if method is None:
            break
        store.put(json.loads(body), properties)
        if not auto:
            channel.basic_ack(method.delivery_tag)
    channel.cancel()
    connection.close()


def by_aio_pika(queue: str, auto: bool, lenient: bool) -> None:
    store = Store(lenient)

    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=50)
            source = await channel.get_queue(queue)
            try:
                async with source.iterator(timeout=IDLE, no_ack=auto) as messages:
                    async for message in messages:
                        store.put(json.loads(message.body), message)
                        if not auto:
                            await message.ack()
            except asyncio.TimeoutError:
                pass

    asyncio.run(main())
