"""A handler publishes a gift card's mail and then stores the card: what was not stored comes again, and so the mail.

The mail has the card's number as its `message_id`. The worker puts an order back whose card the database did not take.
The twin stores first, and what comes again has not been mailed yet.

Shown by: two confirmed send spans with one `messaging.message.id` to the mails' queue (EDA201, a SUSPECT); the first
one is below a process span with an error, the second one below a process span that is redelivered.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, LOCKED = 32, {3, 11, 12, 20, 27}
log = logging.getLogger("cards")


def play(books: Books, library: str, faulty: bool) -> None:
    orders, mails = books.queue(), books.queue()
    service = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("gift-cards", service, orders, mails, faulty):
        books.run("web-shop", shop, library, orders)
        books.wait("done", COUNT)
        time.sleep(1)
    books.run("mailer", mailer, library, mails)
    books.close_queue(orders)
    books.close_queue(mails)
    mailed = COUNT + len(LOCKED) if faulty else COUNT
    assert books.count("mailed") == mailed, books.count("mailed")
    if faulty:
        # One process may use the number of a card for several messages: no more than a SUSPECT is to be had of it.
        books.note("must", code="EDA201", least="SUSPECT", where={"within": mails})


def shop(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"card-order-{n}", "euro": 25} for n in range(COUNT)])


def mailer(library: str, queue: str) -> None:
    def mail(event: dict[str, Any], message: Any) -> str:
        note("began", event["id"], message)
        note("mailed", event["id"])
        note("done", event["id"], message)
        return "ack"

    work(library, queue, mail, idle=6)


class Table:
    """The cards, in a database which a backup locks now and then."""

    def __init__(self) -> None:
        self.tried: set[str] = set()

    def store(self, order: dict[str, Any], message: Any) -> None:
        name = order["id"]
        first = name not in self.tried
        self.tried.add(name)
        if first and int(name.rpartition("-")[2]) in LOCKED:
            note("failed", name, message)
            raise sqlite3.OperationalError("database is locked")


def mail_of(order: dict[str, Any]) -> tuple[str, bytes]:
    card = order["id"].replace("card-order", "gift")
    return card, json.dumps({"id": card, "euro": order["euro"]}).encode()


def by_pika(orders: str, mails: str, faulty: bool) -> None:
    import pika

    stop, table, connection = Stop(), Table(), connect()
    channel, out = connection.channel(), connection.channel()
    out.confirm_delivery()
    channel.basic_qos(prefetch_count=2)

    def send(order: dict[str, Any]) -> None:
        card, body = mail_of(order)
        note("sent", card, to=mails)
        out.basic_publish("", mails, body, pika.BasicProperties(message_id=card, delivery_mode=2))

    def on_order(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        order = json.loads(body)
        note("began", order["id"], properties)
        try:
            if faulty:
                send(order)
                table.store(order, properties)
            else:
                table.store(order, properties)
                send(order)
        except sqlite3.OperationalError:
            log.warning("%s: put back", order["id"])
            ch.basic_nack(method.delivery_tag, requeue=True)
            return
        note("done", order["id"], properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(orders, on_order)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(orders: str, mails: str, faulty: bool) -> None:
    table = Table()

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=2)

            async def send(order: dict[str, Any]) -> None:
                card, body = mail_of(order)
                note("sent", card, to=mails)
                await channel.default_exchange.publish(aio_pika.Message(body, message_id=card), mails)

            async def on_order(message: Any) -> None:
                async with message.process(requeue=True):
                    order = json.loads(message.body)
                    note("began", order["id"], message)
                    if faulty:
                        await send(order)
                        table.store(order, message)
                    else:
                        table.store(order, message)
                        await send(order)
                    note("done", order["id"], message)

            await (await channel.get_queue(orders)).consume(on_order)
            await ended.wait()

    asyncio.run(main())
