"""Claims that fail are refused to a dead-letter exchange at which no queue is bound, and vanish; or they succeed later.

Shown by: the process span with its error and, below it, the `reject` or `nack` span with `eda.settle.requeue` false and
`eda.settle.dead_letter`, as the process itself declares its queue; and no delivery of the dead letter (EDA405).
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
COUNT, LAPSED = 26, {1, 8, 9, 22}
log = logging.getLogger("claims")


def play(books: Books, library: str, faulty: bool) -> None:
    exchange = books.stage.lab.rabbitmq.exchange("fanout")
    queue = books.queue(dead_letter_exchange=exchange)
    with books.serving("claims-desk", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, exchange, faulty):
        books.run("portal", portal, library, queue)
        books.wait("done", COUNT - len(LAPSED) if faulty else COUNT)
        books.wait("failed", len(LAPSED))
    books.close_queue(queue)


def portal(library: str, queue: str) -> None:
    publish(
        library, queue, [{"id": f"claim-{n}", "policy": "lapsed" if n in LAPSED else "valid"} for n in range(COUNT)]
    )


class PolicyError(ValueError):
    """There is no cover."""


class Desk:
    """Registers claims; the policies of some come a moment later, or never."""

    def __init__(self, never: bool) -> None:
        self.never = never
        self.known: set[str] = set()

    def register(self, claim: dict[str, Any], message: Any) -> None:
        note("began", claim["id"], message)
        if claim["policy"] == "lapsed" and (self.never or claim["id"] not in self.known):
            self.known.add(claim["id"])
            note("failed", claim["id"], message)
            if self.never:
                note("aside", claim["id"], message)
            raise PolicyError(claim["id"])
        note("done", claim["id"], message)


def by_pika(queue: str, exchange: str, faulty: bool) -> None:
    stop, desk, connection = Stop(), Desk(faulty), connect()
    channel = connection.channel()
    channel.queue_declare(queue=queue, durable=True, arguments={"x-dead-letter-exchange": exchange})
    channel.basic_qos(prefetch_count=5)

    def on_claim(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            desk.register(json.loads(body), properties)
        except PolicyError as error:
            log.warning("refused: %s", error)
            ch.basic_reject(method.delivery_tag, requeue=not faulty)
        else:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_claim)
    while not stop.asked:
        connection.process_data_events(time_limit=0.3)
    connection.close()


def by_aio_pika(queue: str, exchange: str, faulty: bool) -> None:
    desk = Desk(faulty)

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        connection = await aio_pika.connect_robust(url())
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=5)
        source = await channel.declare_queue(queue, durable=True, arguments={"x-dead-letter-exchange": exchange})

        async def on_claim(message: Any) -> None:
            try:
                desk.register(json.loads(message.body), message)
            except PolicyError as error:
                log.warning("refused: %s", error)
                await message.nack(requeue=not faulty)
            else:
                await message.ack()

        await source.consume(on_claim)
        await ended.wait()
        await connection.close()

    asyncio.run(main())
