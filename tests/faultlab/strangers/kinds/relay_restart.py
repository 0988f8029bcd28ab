"""The relay of an outbox is killed between publishing and marking, so that events go out twice; its twin marks each.

What shows it: two send spans of two processes with one `messaging.message.id` to one destination, both acknowledged.
The twin's ids are those of the orders, as its team understood them, and each order has two events: nothing is twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from faultlab.strangers.books import Books

    Row = tuple[int, str, str, int]

__all__ = ["LIBRARIES"]
ORDERS, BATCH, DIES_AT = 15, 6, 16


def play(books: Books, library: str, faulty: bool) -> None:
    queue, file = books.queue(), str(books.file.with_suffix(".outbox"))
    Outbox(file).fill()
    books.run("outbox-relay", relay, library, queue, file, faulty, DIES_AT, status=KILLED)
    books.run("outbox-relay", relay, library, queue, file, faulty, 0)
    with books.serving("mail", {"pika": mail_by_pika, "aio-pika": mail_by_aio_pika}[library], queue):
        books.wait("done", books.count("published"))
    books.close_queue(queue)
    if faulty:
        assert books.count("published") > 2 * ORDERS
        books.note("must", code="EDA201", where={"within": queue})


class Outbox:
    """Events that a transaction left to be sent."""

    def __init__(self, file: str) -> None:
        self.file = file

    def _do(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.file, timeout=30)) as db, db:
            return db.execute(statement, values).fetchall()

    def fill(self) -> None:
        self._do("create table outbox (number integer primary key, id text, kind text, ordered int, sent int)")
        for number in range(2 * ORDERS):
            # First what was placed, and later what was paid.
            kind = "placed" if number < ORDERS else "paid"
            order = number % ORDERS
            self._do("insert into outbox values (?, ?, ?, ?, 0)", number, f"{kind}-{order}", kind, order)

    def next(self) -> list[Row]:
        return self._do("select number, id, kind, ordered from outbox where sent = 0 order by number limit ?", BATCH)

    def mark(self, rows: Iterable[Row]) -> None:
        for number, *_ in rows:
            self._do("update outbox set sent = 1 where number = ?", number)


def relay(library: str, queue: str, file: str, by_batch: bool, dies_at: int) -> None:
    outbox, count = Outbox(file), 0

    def drain(send: Callable[[Row, str], None]) -> None:
        nonlocal count
        while rows := outbox.next():
            for row in rows:
                send(row, row[1] if by_batch else f"order-{row[3]}")
                note("published", row[1])
                count += 1
                if not by_batch:
                    outbox.mark([row])
                if count == dies_at:
                    time.sleep(1.5)  # the database is slow today
                    os.kill(os.getpid(), signal.SIGKILL)
            outbox.mark(rows)

    {"pika": relay_by_pika, "aio-pika": relay_by_aio_pika}[library](queue, drain)


def relay_by_pika(queue: str, drain: Callable[..., None]) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()

    def send(row: Row, name: str) -> None:
        properties = pika.BasicProperties(message_id=name, type=f"order.{row[2]}", delivery_mode=2)
        channel.basic_publish("", queue, body(row), properties)

    drain(send)
    connection.close()


def relay_by_aio_pika(queue: str, drain: Callable[..., None]) -> None:
    import aio_pika

    async def connected() -> tuple[Any, Any]:
        connection = await aio_pika.connect(url())
        return connection, await connection.channel()

    # The relay is of the time before the team knew asyncio; only the client is new.
    loop = asyncio.new_event_loop()
    connection, channel = loop.run_until_complete(connected())

    def publish(row: Row, name: str) -> None:
        message = aio_pika.Message(body(row), message_id=name, type=f"order.{row[2]}")
        loop.run_until_complete(channel.default_exchange.publish(message, queue))

    drain(publish)
    loop.run_until_complete(connection.close())
    loop.close()


def body(row: Row) -> bytes:
    return json.dumps({"id": row[1], "order": row[3]}).encode()


def mail_by_pika(queue: str) -> None:
    from faultlab.strangers.kafka_house import Stop

    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def on_event(ch: Any, method: Any, properties: Any, content: bytes) -> None:
        send_mail(json.loads(content), properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_event)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def mail_by_aio_pika(queue: str) -> None:
    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)

            async def on_event(message: Any) -> None:
                send_mail(json.loads(message.body), message)
                await message.ack()

            source = await channel.get_queue(queue)
            tag = await source.consume(on_event)
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())


def send_mail(event: dict[str, Any], message: Any) -> None:
    note("began", event["id"], message)
    note("done", event["id"], message)
