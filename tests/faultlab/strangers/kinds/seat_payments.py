"""A box office's worker acknowledges an order before it charges the card: what the bank declines to answer is gone.

The team had orders twice, once, and has acknowledged at the top of the handler since. A supervisor's loop connects anew
after an error. The twin acknowledges what is paid, and puts back what is not; the bank answers the second time.

Shown by: the process span of such an order has an error (`ConnectionResetError`), its `ack` span below it has none, and
no other process span has a link to its send (EDA104).
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
COUNT, SILENT = 36, {6, 17, 29}
log = logging.getLogger("payments")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    worker = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("seat-payments", worker, queue, faulty):
        books.run("box-office", box_office, library, queue)
        books.wait("done", COUNT - len(SILENT) if faulty else COUNT)
        books.wait("failed", len(SILENT))
        time.sleep(1)
    books.close_queue(queue)


def box_office(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"seat-order-{n}", "row": n // 6, "cents": 4200} for n in range(COUNT)])


class Cards:
    """The bank, which does not answer to some calls; to the next one for the same order it does."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def charge(self, order: dict[str, Any], message: Any) -> None:
        name = order["id"]
        note("began", name, message)
        time.sleep(0.02)
        first = name not in self.asked
        self.asked.add(name)
        if first and int(name.rpartition("-")[2]) in SILENT:
            note("failed", name, message)
            raise ConnectionResetError("bank.example:443")
        note("done", name, message)


def by_pika(queue: str, faulty: bool) -> None:
    stop, cards = Stop(), Cards()

    def on_order(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        if faulty:
            channel.basic_ack(method.delivery_tag)
        cards.charge(json.loads(body), properties)
        if not faulty:
            channel.basic_ack(method.delivery_tag)

    while not stop.asked:
        connection = connect()
        channel = connection.channel()
        channel.basic_qos(prefetch_count=3)
        channel.basic_consume(queue, on_order)
        try:
            while not stop.asked:
                connection.process_data_events(time_limit=0.2)
        except ConnectionResetError as error:
            log.warning("starting over after %s", error)
        connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    cards = Cards()

    async def early(message: Any) -> None:
        await message.ack()
        cards.charge(json.loads(message.body), message)

    async def late(message: Any) -> None:
        async with message.process(requeue=True):
            cards.charge(json.loads(message.body), message)

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=3)
            await (await channel.get_queue(queue)).consume(early if faulty else late)
            await ended.wait()

    asyncio.run(main())
