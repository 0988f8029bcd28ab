"""An inventory has its drops acknowledged automatically, and crashes with most of them in its client's buffer.

Its twin acknowledges each, crashes as well, and the broker gives the rest to the next process. Shown by: process spans
with `eda.message.auto_ack`, and confirmed send spans to the same queue of which nobody has a process span, though later
drops are handled (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, LATER, CURSED = 30, 10, 9


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    inventory = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    books.run("world", world, library, queue, 0, COUNT)
    books.run("inventory", inventory, queue, faulty, CURSED, status=KILLED)
    with books.running("inventory", inventory, queue, faulty, -1) as second:
        books.run("world", world, library, queue, COUNT, COUNT + LATER)
        books.wait("done", CURSED + LATER if faulty else COUNT + LATER)
        time.sleep(2)
        books.stop(second)
    books.close_queue(queue)


def world(library: str, queue: str, first: int, end: int) -> None:
    publish(library, queue, [{"id": f"drop-{n}", "player": n % 7, "item": "sword"} for n in range(first, end)])


class Inventory:
    """What players have; a sword with a curse overflows a native library's stack."""

    def __init__(self, cursed: int) -> None:
        self.cursed = f"drop-{cursed}"
        self.items: dict[int, list[str]] = {}

    def begin(self, drop: dict[str, Any], message: Any) -> float:
        note("began", drop["id"], message)
        return 3.0 if drop["id"] == self.cursed else 0.02

    def end(self, drop: dict[str, Any], message: Any) -> None:
        if drop["id"] == self.cursed:
            os.kill(os.getpid(), signal.SIGKILL)
        self.items.setdefault(drop["player"], []).append(drop["item"])
        note("done", drop["id"], message)


def by_pika(queue: str, auto: bool, cursed: int) -> None:
    stop, inventory, connection = Stop(), Inventory(cursed), connect()
    channel = connection.channel()

    def on_drop(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        drop = json.loads(body)
        time.sleep(inventory.begin(drop, properties))
        inventory.end(drop, properties)
        if not auto:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_drop, auto_ack=auto)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, auto: bool, cursed: int) -> None:
    async def collect(connection: Any) -> None:
        inventory = Inventory(cursed)
        channel = await connection.channel()
        source = await channel.get_queue(queue)
        async with source.iterator(no_ack=auto) as drops:
            async for message in drops:
                drop = json.loads(message.body)
                await asyncio.sleep(inventory.begin(drop, message))
                inventory.end(drop, message)
                if not auto:
                    await message.ack()

    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            task = asyncio.create_task(collect(connection))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
            await asyncio.wait({task})

    asyncio.run(main())
