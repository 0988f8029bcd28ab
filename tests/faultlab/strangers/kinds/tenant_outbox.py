"""An outbox's relay marks as sent what came back, as a tenant has no binding; its twin keeps it until there is one.

What shows it: the relay publishes with `mandatory` and confirmations, so the send span of what came back has an
`error.type`: the client's exception, or `eda.returned` if it raises none. In the twin a second send of the same
row succeeds, once the tenant is there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
TENANTS = ("acme", "hooli", "umbra", "initech")
COUNT, NEW = 32, "umbra"
log = logging.getLogger("relay")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    exchange = books.stage.lab.rabbitmq.exchange("direct")
    for tenant in TENANTS:
        if tenant != NEW:
            bind(books, queue, exchange, tenant)
    relay = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("tenant-mail", mail, queue):
        books.wait("ready", 1)
        if faulty:
            books.run("subscriptions", relay, exchange, True)
            books.wait("done", COUNT - COUNT // len(TENANTS))
        else:
            with books.running("subscriptions", relay, exchange, False) as one:
                books.wait("kept", 1)
                bind(books, queue, exchange, NEW)
                books.stage.finish(one)
            books.wait("done", COUNT)
    books.close_queue(queue)
    if faulty:
        where = f"{exchange}:tenant.{NEW}"
        books.note("must", code="EDA106", where={"service": "subscriptions", "within": where})
        books.note("may", code="EDA107", where={"within": where})  # nobody has them, as nobody can
        books.note("may", code="EDA101", most="CONFIRMED", where={"service": "subscriptions"})
    else:
        books.note("may", code="EDA106", most="CONFIRMED", where={"service": "subscriptions"})  # it did come back
        books.note("may", code="EDA101", most="CONFIRMED", where={"service": "subscriptions"})


def bind(books: Books, queue: str, exchange: str, tenant: str) -> None:
    books.stage.lab.rabbitmq._connect().channel().queue_bind(queue, exchange, f"tenant.{tenant}")


class Outbox:
    """What a transaction has left to be published."""

    def __init__(self) -> None:
        self.database = sqlite3.connect(":memory:")
        self.database.execute("CREATE TABLE outbox (id TEXT PRIMARY KEY, tenant TEXT, body TEXT, sent INTEGER)")
        with self.database:
            for number in range(COUNT):
                tenant, name = TENANTS[number % len(TENANTS)], f"subscription-{number}"
                row = (name, tenant, json.dumps({"id": name, "tenant": tenant}), 0)
                self.database.execute("INSERT INTO outbox VALUES (?, ?, ?, ?)", row)

    def waiting(self) -> Iterator[tuple[str, str, bytes]]:
        found = self.database.execute("SELECT id, tenant, body FROM outbox WHERE sent = 0 ORDER BY rowid").fetchall()
        for name, tenant, body in found:
            yield name, f"tenant.{tenant}", body.encode()

    def mark(self, name: str) -> None:
        with self.database:
            self.database.execute("UPDATE outbox SET sent = 1 WHERE id = ?", (name,))


def by_pika(exchange: str, careless: bool) -> None:
    import pika
    from pika.exceptions import UnroutableError

    outbox, connection = Outbox(), connect()
    channel = connection.channel()
    channel.confirm_delivery()
    while rows := list(outbox.waiting()):
        for name, key, body in rows:
            note("sent", name, to=exchange)
            try:
                channel.basic_publish(exchange, key, body, pika.BasicProperties(delivery_mode=2), mandatory=True)
            except UnroutableError:
                note("kept", name)
                log.warning("nobody takes %s", key)
                if not careless:
                    continue
            outbox.mark(name)
        connection.sleep(0.5)
    connection.close()


def by_aio_pika(exchange: str, careless: bool) -> None:
    async def main() -> None:
        import aio_pika
        from aio_pika.exceptions import DeliveryError

        outbox = Outbox()
        async with await aio_pika.connect_robust(url()) as connection:
            # By default what comes back is what `publish` returns, and no error.
            channel = await connection.channel(on_return_raises=not careless)
            target = await channel.get_exchange(exchange)
            while rows := list(outbox.waiting()):
                for name, key, body in rows:
                    note("sent", name, to=exchange)
                    try:
                        await target.publish(aio_pika.Message(body), key, mandatory=True)
                    except DeliveryError:
                        note("kept", name)
                        continue
                    outbox.mark(name)
                await asyncio.sleep(0.5)

    asyncio.run(main())


def mail(queue: str) -> None:
    """The other service is on pika, whatever this one is written in."""
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=10)

    def on_event(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        event = json.loads(body)
        note("began", event["id"], properties)
        time.sleep(0.005)
        note("done", event["id"], properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_event)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()
