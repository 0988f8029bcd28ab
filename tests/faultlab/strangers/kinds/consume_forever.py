"""A consumer that connects anew after each error lets the broker acknowledge by itself; its twin acknowledges.

What shows it: the process span of the message that the consumer failed at has the error, no acknowledgement follows,
and it never comes again. What the client had in its buffer has a send span and no process span; later messages have.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, MORE, LOCKED = 40, 10, 7
log = logging.getLogger("points")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("checkout", checkout, library, queue, 0, COUNT)
    with books.serving("points", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, faulty):
        books.wait("failed", 1)
        books.run("checkout", checkout, library, queue, COUNT, MORE)
        books.wait("last", 1)
    books.close_queue(queue)


def checkout(library: str, queue: str, first: int, number: int) -> None:
    publish(library, queue, [{"id": f"cart-{first + n}", "points": n % 9} for n in range(number)])


class Accounts:
    """Customers' points, in a database that is locked once."""

    def __init__(self) -> None:
        self.locked = True

    def add(self, cart: dict[str, Any], message: Any) -> None:
        note("began", cart["id"], message)
        time.sleep(0.02)
        if self.locked and cart["id"] == f"cart-{LOCKED}":
            self.locked = False
            note("failed", cart["id"], message)
            raise OSError("database is locked")
        note("done", cart["id"], message)
        if cart["id"] == f"cart-{COUNT + MORE - 1}":
            note("last", cart["id"])


def by_pika(queue: str, auto: bool) -> None:
    stop, accounts = Stop(), Accounts()

    def consume() -> None:
        with connect() as connection:
            channel = connection.channel()
            if not auto:
                channel.basic_qos(prefetch_count=10)

            def on_cart(ch: Any, method: Any, properties: Any, body: bytes) -> None:
                accounts.add(json.loads(body), properties)
                if not auto:
                    ch.basic_ack(method.delivery_tag)

            channel.basic_consume(queue, on_cart, auto_ack=auto)
            while not stop.asked:
                connection.process_data_events(time_limit=0.2)

    while not stop.asked:
        try:
            consume()
        except Exception:
            log.exception("consumer failed, connecting again")
            time.sleep(0.5)


async def consume(queue: str, auto: bool, accounts: Accounts) -> None:
    import aio_pika

    async with await aio_pika.connect(url()) as connection:
        channel = await connection.channel()
        if not auto:
            await channel.set_qos(prefetch_count=10)
        source = await channel.get_queue(queue)
        async with source.iterator(no_ack=auto) as carts:
            async for message in carts:
                accounts.add(json.loads(message.body), message)
                if not auto:
                    await message.ack()


def by_aio_pika(queue: str, auto: bool) -> None:
    accounts = Accounts()

    async def for_ever() -> None:
        while True:
            try:
                await consume(queue, auto, accounts)
            except Exception:
                log.exception("consumer failed, connecting again")
                await asyncio.sleep(0.5)

    async def main() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        consumer = asyncio.create_task(for_ever())
        await stopping.wait()
        consumer.cancel()
        await asyncio.wait([consumer])

    asyncio.run(main())
