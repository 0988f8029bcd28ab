"""What fails is refused into a queue of dead letters at which nobody has looked for months; its twin puts it back once.

What shows it: the consumer declares its queue with a dead-letter exchange, so its refusals (the span `reject` or `nack`
with `eda.settle.requeue` false) have `eda.settle.dead_letter`; the process spans have the error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, UNKNOWN = 32, {5, 12, 13, 27}
log = logging.getLogger("crm")


def play(books: Books, library: str, faulty: bool) -> None:
    dead = books.queue()
    queue = books.queue(dead_letter_exchange="", dead_letter_routing_key=dead)
    with books.serving("crm", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, dead, faulty):
        books.run("newsletter", newsletter, library, queue)
        books.wait("done", COUNT - len(UNKNOWN) if faulty else COUNT)
        books.wait("failed", len(UNKNOWN))
    books.close_queue(queue)
    books.close_queue(dead)


def newsletter(library: str, queue: str) -> None:
    events = [{"id": f"click-{n}", "customer": f"c-{'x' if n in UNKNOWN else n}"} for n in range(COUNT)]
    publish(library, queue, events)


class NotFoundError(Exception):
    """There is no such customer, or not yet."""


class Crm:
    """Customers, some of whom are copied here a moment too late."""

    def __init__(self, complete: bool) -> None:
        self.complete = complete
        self.seen: set[str] = set()

    def click(self, event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message)
        late = event["id"] not in self.seen
        self.seen.add(event["id"])
        if event["customer"] == "c-x" and (late or not self.complete):
            note("failed", event["id"], message)
            if not self.complete:
                note("aside", event["id"], message)
            raise NotFoundError(event["customer"])
        note("done", event["id"], message)


def by_pika(queue: str, dead: str, faulty: bool) -> None:
    stop, crm, connection = Stop(), Crm(not faulty), connect()
    channel = connection.channel()
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    channel.queue_declare(dead, durable=True)
    channel.queue_declare(queue, durable=True, arguments=arguments)
    channel.basic_qos(prefetch_count=6)

    def on_click(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            crm.click(json.loads(body), properties)
        except NotFoundError as error:
            log.warning("no customer: %s", error)
            ch.basic_nack(method.delivery_tag, requeue=not faulty)
        else:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_click)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, dead: str, faulty: bool) -> None:
    crm = Crm(not faulty)

    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=6)
            await channel.declare_queue(dead, durable=True)
            arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
            source = await channel.declare_queue(queue, durable=True, arguments=arguments)

            async def on_click(message: Any) -> None:
                async with message.process(requeue=not faulty):
                    crm.click(json.loads(message.body), message)

            tag = await source.consume(on_click)
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())
