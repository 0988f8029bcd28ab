"""Cancellations go to an exchange that nobody has declared: the wrapper logs that and goes on; or it declares it then.

What shows it: the send spans of these messages have the broker's error (the channel is closed with 404, not found), and
each is followed by no other send of the message; a warning is logged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT = 24
log = logging.getLogger("bookings.events")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    exchange = books.stage.lab.rabbitmq.exchange("direct", [queue], "booking")
    missing = exchange.replace("exchange", "exchanges")
    with books.serving("calendar", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue):
        books.run(
            "bookings", {"pika": book_by_pika, "aio-pika": book_by_aio_pika}[library], exchange, missing, queue, faulty
        )
        books.wait("done", COUNT - COUNT // 4 if faulty else COUNT)
    books.close_queue(queue)
    if faulty:
        books.note("must", code="EDA101", where={"service": "bookings", "within": missing})
    else:
        # The broker did refuse the first one.
        books.note("may", code="EDA101", most="CONFIRMED", where={"service": "bookings"})


def events(exchange: str, missing: str) -> list[tuple[str, dict[str, Any]]]:
    return [(missing if n % 4 == 2 else exchange, {"id": f"booking-{n}"}) for n in range(COUNT)]


class Events:
    """Publishes by pika, and lets no error out to those who book."""

    def __init__(self, queue: str, declares: bool) -> None:
        self.queue, self.declares = queue, declares
        self.connection = connect()
        self.open()

    def open(self) -> None:
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def publish(self, exchange: str, event: dict[str, Any]) -> None:
        from pika.exceptions import AMQPError

        try:
            self.send(exchange, event)
        except AMQPError as error:
            log.warning("event of %s not published: %r", event["id"], error)
            self.open()
            if self.declares:
                self.channel.exchange_declare(exchange, "direct", durable=True)
                self.channel.queue_bind(self.queue, exchange, "booking")
                self.send(exchange, event)

    def send(self, exchange: str, event: dict[str, Any]) -> None:
        import pika

        self.channel.basic_publish(exchange, "booking", json.dumps(event).encode(), pika.BasicProperties())
        note("acked", event["id"], to=exchange)


def book_by_pika(exchange: str, missing: str, queue: str, faulty: bool) -> None:
    publisher = Events(queue, declares=not faulty)
    for target, event in events(exchange, missing):
        publisher.publish(target, event)
    publisher.connection.close()


def book_by_aio_pika(exchange: str, missing: str, queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika
        from aio_pika.exceptions import AMQPError

        async def send(channel: Any, target: str, event: dict[str, Any]) -> None:
            known = await channel.get_exchange(target, ensure=False)
            await known.publish(aio_pika.Message(json.dumps(event).encode()), "booking")
            note("acked", event["id"], to=target)

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            for target, event in events(exchange, missing):
                try:
                    await send(channel, target, event)
                except AMQPError as error:
                    log.warning("event of %s not published: %r", event["id"], error)
                    channel = await connection.channel()
                    if not faulty:
                        made = await channel.declare_exchange(target, "direct", durable=True)
                        await (await channel.get_queue(queue)).bind(made, "booking")
                        await send(channel, target, event)

    asyncio.run(main())


def show(event: dict[str, Any], message: Any) -> None:
    note("began", event["id"], message)
    note("done", event["id"], message)


def by_pika(queue: str) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()

    def on_booking(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        show(json.loads(body), properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_booking)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str) -> None:
    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            source = await channel.get_queue(queue)

            async def drain() -> None:
                async with source.iterator() as bookings:
                    async for message in bookings:
                        async with message.process():
                            show(json.loads(message.body), message)

            task = asyncio.create_task(drain())
            await stopping.wait()
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(main())
