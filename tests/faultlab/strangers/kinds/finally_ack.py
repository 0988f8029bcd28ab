"""A booking service acknowledges in a `finally`, so that what fails is gone; its twin puts it back, and books it then.

What shows it: the exception leaves the callback, so the process span has its `error.type`, and the same message has a
span `ack`. In the twin it has a span `nack` or `reject` that puts it back, and a second process span without an error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, FOREIGN = 36, {6, 17, 18, 30}
log = logging.getLogger("ledger")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("ledger", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, faulty):
        books.wait("ready", 1)
        books.run("bank-import", bank_import, library, queue)
        books.wait("done", COUNT - len(FOREIGN) if faulty else COUNT)
        books.wait("failed", len(FOREIGN))
    books.close_queue(queue)


def bank_import(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"entry-{n}", "currency": "ISK" if n in FOREIGN else "EUR"} for n in range(COUNT)])


class Ledger:
    """Books entries by a table of rates, to which a rate may be added when somebody has asked for it."""

    def __init__(self, complete: bool) -> None:
        self.complete = complete
        self.asked: set[str] = set()

    def book(self, entry: dict[str, Any], message: Any) -> None:
        note("began", entry["id"], message)
        known = entry["currency"] == "EUR" or (self.complete and entry["id"] in self.asked)
        self.asked.add(entry["id"])
        if not known:
            note("failed", entry["id"], message)
            raise LookupError(f"no rate of {entry['currency']}")
        note("done", entry["id"], message)


@contextmanager
def settled(channel: Any, method: Any) -> Iterator[None]:
    """Acknowledge, come what may."""
    try:
        yield
    finally:
        channel.basic_ack(method.delivery_tag)


@contextmanager
def settled_well(channel: Any, method: Any) -> Iterator[None]:
    """Acknowledge what is booked, and put back what is not."""
    try:
        yield
    except Exception:
        channel.basic_nack(method.delivery_tag, requeue=not method.redelivered)
        raise
    channel.basic_ack(method.delivery_tag)


def by_pika(queue: str, faulty: bool) -> None:
    stop, ledger = Stop(), Ledger(complete=not faulty)
    around = settled if faulty else settled_well

    def on_entry(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        with around(channel, method):
            ledger.book(json.loads(body), properties)

    while not stop.asked:
        connection = connect()
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue, on_entry)
        note("ready")
        try:
            while not stop.asked:
                connection.process_data_events(time_limit=0.2)
        except LookupError as error:
            log.warning("the consumer ended by %r, and begins anew", error)
        connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    ledger = Ledger(complete=not faulty)

    async def on_entry(message: Any) -> None:
        try:
            ledger.book(json.loads(message.body), message)
        finally:
            await message.ack()

    async def on_entry_well(message: Any) -> None:
        async with message.process(requeue=True, reject_on_redelivered=True):
            ledger.book(json.loads(message.body), message)

    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)
            source = await channel.get_queue(queue)
            tag = await source.consume(on_entry if faulty else on_entry_well)
            note("ready")
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())
