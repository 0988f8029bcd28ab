"""Scanned pages are read with automatic acknowledgement, and the reader is killed at a map: what it had is gone.

A map takes all the memory that there is. RabbitMQ has sent the reader every page by then, and takes them all for done.
The twin acknowledges what it has read, and is killed by the same map; the next reader gets its pages again, and reads
maps at half the resolution.

Shown by: the send spans of these pages have no process span, while earlier and later ones of the queue do (EDA104, a
SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, MAP, MORE = 30, 11, 8


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    program = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.running("page-reader", program, queue, not faulty, False) as first:
        books.run("scanner", scanner, library, queue, 0, COUNT)
        books.wait("began", MAP + 1)
        time.sleep(3)
        books.kill("page-reader", first)
    with books.serving("page-reader", program, queue, not faulty, True):
        books.run("scanner", scanner, library, queue, COUNT, COUNT + MORE)
        books.wait("done", MAP + MORE if faulty else COUNT + MORE)
        time.sleep(1)
    books.close_queue(queue)
    books.note("may", code="EDA503", most="CONFIRMED", where={"service": "page-reader"})  # it was at a map for long


def scanner(library: str, queue: str, first: int, last: int) -> None:
    publish(library, queue, [{"id": f"page-{n}", "kind": "map" if n == MAP else "text"} for n in range(first, last)])


class Reader:
    """Makes text of a page."""

    def __init__(self, halves: bool) -> None:
        self.halves = halves

    def read(self, body: bytes, message: Any) -> None:
        page = json.loads(body)
        note("began", page["id"], message)
        if page["kind"] == "map" and not self.halves:
            time.sleep(600)  # it swaps, until the kernel has had enough
        time.sleep(0.03)
        note("done", page["id"], message)


def by_pika(queue: str, acknowledges: bool, halves: bool) -> None:
    stop, reader, connection = Stop(), Reader(halves), connect()
    channel = connection.channel()
    if acknowledges:
        channel.basic_qos(prefetch_count=5)
    for method, properties, body in channel.consume(queue, auto_ack=not acknowledges, inactivity_timeout=0.5):
        if method is not None:
            reader.read(body, properties)
            if acknowledges:
                channel.basic_ack(method.delivery_tag)
        if stop.asked:
            break
    channel.cancel()
    connection.close()


def by_aio_pika(queue: str, acknowledges: bool, halves: bool) -> None:
    async def main() -> None:
        import aio_pika

        reader, ended, one = Reader(halves), asyncio.Event(), asyncio.Lock()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            if acknowledges:
                await channel.set_qos(prefetch_count=5)
            source = await channel.get_queue(queue)

            async def on_page(message: Any) -> None:
                async with one:
                    reader.read(message.body, message)  # it blocks the loop, as such code does
                    if acknowledges:
                        await message.ack()
                        await asyncio.sleep(0.05)  # for the scanner's file to be removed

            await source.consume(on_page, no_ack=not acknowledges)
            await ended.wait()

    asyncio.run(main())
