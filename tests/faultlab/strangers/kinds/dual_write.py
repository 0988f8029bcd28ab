"""A shop sends an order's event before its transaction is through, so that invoicing finds no order; or after it."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT = 20
log = logging.getLogger("invoicing")


def play(books: Books, library: str, faulty: bool) -> None:
    queue, file = books.queue(), f"{books.file}.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, cents INTEGER)")
    invoicing = {"pika": invoicing_by_pika, "aio-pika": invoicing_by_aio_pika}[library]
    with books.running("invoicing", invoicing, queue, file) as one:
        books.run("shop", shop, library, queue, file, faulty)
        books.wait("began", COUNT)
        time.sleep(0.5)
        books.stop(one)
    books.close_queue(queue)


class UnitOfWork:
    """A transaction, and the events that belong to it."""

    def __init__(self, database: sqlite3.Connection, library: str, queue: str, early: bool) -> None:
        self.database, self.library, self.queue, self.early = database, library, queue, early
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> UnitOfWork:  # noqa: PYI034  # nobody inherits from it
        return self

    def emit(self, event: dict[str, Any]) -> None:
        if self.early:
            publish(self.library, self.queue, [event])
        else:
            self.events.append(event)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            self.database.rollback()
            return
        self.database.commit()
        if self.events:
            publish(self.library, self.queue, self.events)


def shop(library: str, queue: str, file: str, early: bool) -> None:
    with closing(sqlite3.connect(file)) as database:
        for number in range(COUNT):
            with UnitOfWork(database, library, queue, early) as unit:
                database.execute("INSERT INTO orders VALUES (?, ?)", (f"order-{number}", 1999))
                unit.emit({"id": f"order-{number}"})
                if number % 7 == 3:
                    time.sleep(0.4)  # the customer's points are counted anew


class Invoices:
    """Writes an invoice for each order that is in the database."""

    def __init__(self, file: str) -> None:
        self.database = sqlite3.connect(file)

    def write(self, order: str, message: Any) -> None:
        note("began", order, message)
        time.sleep(0.1)
        row = self.database.execute("SELECT cents FROM orders WHERE id = ?", (order,)).fetchone()
        if row is None:
            note("failed", order, message)
            raise LookupError(f"there is no order {order}")
        note("done", order, message)


def invoicing_by_pika(queue: str, file: str) -> None:
    connection, invoices = connect(), Invoices(file)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def on_order(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            invoices.write(json.loads(body)["id"], properties)
        except LookupError as error:
            log.warning("rejected: %s", error)
            ch.basic_reject(method.delivery_tag, requeue=False)
        else:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_order)
    signal.signal(signal.SIGTERM, lambda *_: connection.add_callback_threadsafe(channel.stop_consuming))
    channel.start_consuming()
    connection.close()


def invoicing_by_aio_pika(queue: str, file: str) -> None:
    async def main() -> None:
        import aio_pika

        invoices, stopping = Invoices(file), asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

        async def on_order(message: Any) -> None:
            async with message.process(ignore_processed=True):
                invoices.write(json.loads(message.body)["id"], message)

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            source = await channel.get_queue(queue)
            await source.consume(on_order)
            await stopping.wait()

    asyncio.run(main())
