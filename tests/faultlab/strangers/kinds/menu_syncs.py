"""Menus share a priority queue with orders and are valid for three seconds: behind a rush of orders they expire unread.

The queue has no dead-letter exchange, so that nobody ever hears of these menus. The twin's menus are valid for five
minutes, and come late.

Shown by: the send spans of these menus have no process span, while other messages of their queue do, sent before and
after them (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
RUSH, MENUS, LATER = 60, 8, 6


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(max_priority=5)
    with books.serving("kitchen-tablet", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue):
        books.wait("ready", 1)
        books.run("menu-office", menus, library, queue, 0, MENUS, faulty)  # while it is quiet
        books.wait("done", MENUS)
        books.run("app", orders, library, queue)
        books.run("menu-office", menus, library, queue, MENUS, MENUS * 2, faulty)
        books.wait("done", MENUS + RUSH if faulty else MENUS * 2 + RUSH)
        books.run("menu-office", menus, library, queue, MENUS * 2, MENUS * 2 + LATER, faulty)
        books.wait("done", (MENUS if faulty else MENUS * 2) + RUSH + LATER)
    books.close_queue(queue)


def orders(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"order-{n}", "dish": n % 7} for n in range(RUSH)], priority=5)


def menus(library: str, queue: str, first: int, last: int, short: bool) -> None:
    """Send menus; pika's validity is in milliseconds, aio-pika's in seconds."""
    seconds = 3 if short else 300
    valid = str(seconds * 1000) if library == "pika" else seconds
    publish(
        library, queue, [{"id": f"menu-{n}", "dishes": [n]} for n in range(first, last)], priority=0, expiration=valid
    )


def show(body: bytes, message: Any) -> None:
    """Show an order or a menu, for as long as it takes to look at it."""
    event = json.loads(body)
    note("began", event["id"], message)
    time.sleep(0.25 if event["id"].startswith("order") else 0.01)
    note("done", event["id"], message)


def by_pika(queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        show(body, properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_message)
    signal.signal(signal.SIGTERM, lambda *_: connection.add_callback_threadsafe(channel.stop_consuming))
    note("ready")
    channel.start_consuming()
    connection.close()


def by_aio_pika(queue: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            source = await channel.get_queue(queue)
            ended = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

            async def on_message(message: Any) -> None:
                async with message.process():
                    show(message.body, message)

            await source.consume(on_message)
            note("ready")
            await ended.wait()

    asyncio.run(main())
