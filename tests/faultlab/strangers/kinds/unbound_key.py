"""A publisher uses a routing key that nobody has bound; its twin publishes such events for whoever may care."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
KEYS = ("order.placed", "order.payed", "order.paid")  # the second one is the typing error, and also what is optional


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    exchange = books.stage.lab.rabbitmq.exchange("topic", [queue], "order.placed")
    books.stage.lab.rabbitmq._connect().channel().queue_bind(queue, exchange, "order.paid")
    books.run("orders", orders, library, exchange, faulty)
    books.run("statistics", statistics, library, queue)
    if not faulty:
        books.note("archive", to=f"{exchange}:{KEYS[1]}")
    books.close_queue(queue)


def events(faulty: bool) -> list[tuple[str, dict[str, Any]]]:
    return [(KEYS[n % 3], {"id": f"e-{n}", "n": n}) for n in range(18)]


def orders(library: str, exchange: str, faulty: bool) -> None:
    {"pika": orders_by_pika, "aio-pika": orders_by_aio_pika}[library](exchange, faulty)


def orders_by_pika(exchange: str, faulty: bool) -> None:
    from pika.exceptions import UnroutableError

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for key, event in events(faulty):
        try:
            channel.basic_publish(exchange, key, json.dumps(event).encode(), mandatory=faulty)
        except UnroutableError:
            note("returned", event["id"], to=exchange)
    connection.close()


def orders_by_aio_pika(exchange: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika
        from aio_pika.exceptions import DeliveryError

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=faulty)
            target = await channel.get_exchange(exchange)
            for key, event in events(faulty):
                try:
                    await target.publish(aio_pika.Message(json.dumps(event).encode()), key, mandatory=faulty)
                except DeliveryError:
                    note("returned", event["id"], to=exchange)

    asyncio.run(main())


def statistics(library: str, queue: str) -> None:
    def count(event: dict[str, Any], message: Any) -> str:
        note("began", event["id"], message)
        note("done", event["id"], message)
        return "ack"

    work(library, queue, count)
