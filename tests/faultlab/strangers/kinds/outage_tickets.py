"""A quorum queue without a dead-letter exchange drops outage tickets that came back three times; or the last is kind.

The crew service puts back what fails. Two tickets name a substation that is not on the map, and fail each time. At the
fourth return the broker throws them away. The twin looks at `x-delivery-count`, and gives such a ticket to the crew of
the region at its last try.

Shown by: four process spans with an error for each of the two, each with a nack that requeues, and none after them,
while later messages are done (EDA402; that they are gone is EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, STRANGE, LIMIT, MORE = 36, {8, 20}, 3, 5
log = logging.getLogger("crews")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(queue_type="quorum", delivery_limit=LIMIT)
    with books.serving("crews", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, not faulty):
        books.run("hotline", hotline, library, queue, 0, COUNT)
        books.wait("done", COUNT - len(STRANGE) if faulty else COUNT)
        books.wait("failed", len(STRANGE) * (LIMIT + 1 if faulty else LIMIT))
        time.sleep(2)
        books.run("hotline", hotline, library, queue, COUNT, COUNT + MORE)
        books.wait("done", (COUNT - len(STRANGE) if faulty else COUNT) + MORE)
        time.sleep(1)
    books.close_queue(queue)
    expected = len(STRANGE) * (LIMIT + 1 if faulty else LIMIT)
    assert books.count("failed") == expected, books.count("failed")


def hotline(library: str, queue: str, first: int, last: int) -> None:
    tickets = [{"id": f"outage-{n}", "substation": "?" if n in STRANGE else f"S{n}"} for n in range(first, last)]
    publish(library, queue, tickets)


class Crews:
    """Sends a crew to a substation."""

    def __init__(self, looks: bool) -> None:
        self.looks = looks

    def send(self, ticket: dict[str, Any], message: Any, returned: int) -> None:
        note("began", ticket["id"], message)
        time.sleep(0.03)
        if ticket["substation"] == "?" and not (self.looks and returned == LIMIT):
            note("failed", ticket["id"], message)
            raise KeyError(ticket["substation"])
        note("done", ticket["id"], message)


def by_pika(queue: str, looks: bool) -> None:
    stop, crews, connection = Stop(), Crews(looks), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=4)

    def on_ticket(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        ticket, returned = json.loads(body), (properties.headers or {}).get("x-delivery-count", 0)
        try:
            crews.send(ticket, properties, returned)
        except KeyError:
            log.exception("%s fails", ticket["id"])
            note("logged", ticket["id"])
            ch.basic_nack(method.delivery_tag, requeue=True)
        else:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_ticket)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, looks: bool) -> None:
    async def main() -> None:
        import aio_pika

        stop, crews = Stop(), Crews(looks)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)
            source = await channel.get_queue(queue)

            async def on_ticket(message: Any) -> None:
                ticket = json.loads(message.body)
                try:
                    async with message.process(requeue=True):
                        crews.send(ticket, message, int(message.headers.get("x-delivery-count", 0)))
                except KeyError:
                    log.exception("%s fails", ticket["id"])
                    note("logged", ticket["id"])

            tag = await source.consume(on_ticket)
            while not stop.asked:
                await asyncio.sleep(0.1)
            await source.cancel(tag)

    asyncio.run(main())
