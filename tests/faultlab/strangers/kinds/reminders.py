"""Reminders ripen in a queue that nobody reads, and expire into the due ones: by a key with a typing error; or not."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT = 24


def play(books: Books, library: str, faulty: bool) -> None:
    mails, pushes = books.queue(), books.queue()
    due = books.stage.lab.rabbitmq.exchange("direct", [mails, pushes], "reminder.due")
    key = "reminders.due" if faulty else "reminder.due"
    ripening = books.queue(dead_letter_exchange=due, dead_letter_routing_key=key)
    with (
        books.running("mailer", reader, library, mails, True) as mailer,
        books.running("pusher", reader, library, pushes, False) as pusher,
    ):
        books.wait("ready", 2)
        books.run("carts", carts, library, ripening)
        if faulty:
            time.sleep(3)
        else:
            books.wait("pushed", COUNT - COUNT // 6)
            books.wait("done", COUNT - COUNT // 6)
        for program in (mailer, pusher):
            books.stage.finish(program)
    if faulty:
        books.note("unread", to=ripening)  # they expired, and nobody has got one
    else:
        books.close_queue(ripening)


def cart(number: int) -> dict[str, Any]:
    return {"id": f"cart-{number}", "bought": number % 6 == 5}


def carts(library: str, queue: str) -> None:
    {"pika": carts_by_pika, "aio-pika": carts_by_aio_pika}[library](queue)


def carts_by_pika(queue: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for number in range(COUNT):
        note("sent", f"cart-{number}", to=queue)
        # The later ones ripen sooner: the broker keeps them all the same until those before them are due.
        properties = pika.BasicProperties(expiration=str(1500 - 20 * number), message_id=f"cart-{number}")
        channel.basic_publish("", queue, json.dumps(cart(number)).encode(), properties)
    connection.close()


def carts_by_aio_pika(queue: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            for number in range(COUNT):
                note("sent", f"cart-{number}", to=queue)
                body = json.dumps(cart(number)).encode()
                message = aio_pika.Message(body, expiration=1.5 - 0.02 * number, message_id=f"cart-{number}")
                await channel.default_exchange.publish(message, queue)

    asyncio.run(main())


def reader(library: str, queue: str, mails: bool) -> None:
    def remind(found: dict[str, Any], message: Any) -> str:
        name = found["id"] if mails else f"{found['id']}-push"
        note("began", name, message)
        if found["bought"]:
            note("retired", name, message)
            return "ack" if mails else "reject"  # what has been bought needs no reminder
        time.sleep(0.01)
        note("done" if mails else "pushed", name, message)
        return "ack"

    note("ready")
    work(library, queue, remind, idle=12)
