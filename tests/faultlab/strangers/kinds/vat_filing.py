"""A FastStream service has failures dead-lettered, and a nightly job logs and removes them; or it replays them.

What shows it: FastStream declares the queue with its dead-letter exchange, so a refusal has `eda.settle.dead_letter`.
The job's process spans have `eda.message.death_count`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, FOREIGN = 26, {3, 4, 14, 20}
log = logging.getLogger("night-job")


def play(books: Books, library: str, faulty: bool) -> None:
    dead = books.queue()
    queue = books.queue(dead_letter_exchange="", dead_letter_routing_key=dead)
    with books.running("vat-filing", filing, queue, dead) as service:
        books.run("invoices", invoices, queue)
        books.wait("done", COUNT - len(FOREIGN))
        books.wait("failed", len(FOREIGN))
        books.run("night-job", throw_away if faulty else replay, dead, queue)
        books.wait("done", COUNT - len(FOREIGN) if faulty else COUNT)
        books.stop(service)
    assert books.count("dead" if faulty else "replayed") == len(FOREIGN)
    books.close_queue(queue)
    books.close_queue(dead)


def invoices(queue: str) -> None:
    publish(
        "aio-pika", queue, [{"id": f"invoice-{n}", "country": "NO" if n in FOREIGN else "DE"} for n in range(COUNT)]
    )


def filing(queue: str, dead: str) -> None:
    from faststream import FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(url())
    arguments: Any = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    rates = {"DE": 19}

    async def on_invoice(invoice: dict[str, Any], message: RabbitMessage) -> None:
        note("began", invoice["id"], message.raw_message)
        await asyncio.sleep(0.01)
        country = invoice.get("as", invoice["country"])
        if country not in rates:
            note("failed", invoice["id"], message.raw_message)
            raise LookupError(f"no rate of {country}")
        note("done", invoice["id"], message.raw_message)

    on_invoice.__annotations__ = {"invoice": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True, arguments=arguments))(on_invoice)
    asyncio.run(FastStream(broker).run())


def _letters(channel: Any, dead: str) -> Any:
    """Give the dead letters, until there are none for two seconds."""
    empty = 0
    while empty < 20:
        method, properties, body = channel.basic_get(dead)
        if method is None:
            empty += 1
            time.sleep(0.1)
            continue
        empty = 0
        yield method, properties, json.loads(body)
        channel.basic_ack(method.delivery_tag)


def throw_away(dead: str, queue: str) -> None:
    with closing(connect()) as connection:
        for _, properties, invoice in _letters(connection.channel(), dead):
            log.warning("%s was not filed in %s", invoice["id"], queue)
            note("dead", invoice["id"], properties)


def replay(dead: str, queue: str) -> None:
    from pika import BasicProperties

    with closing(connect()) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for _, properties, invoice in _letters(channel, dead):
            note("replayed", invoice["id"])
            trace = properties.headers["traceparent"].split("-")[1]
            note("may", code="EDA405", most="CONFIRMED", where={"trace_id": trace})
            body = json.dumps({**invoice, "as": "DE"}).encode()
            channel.basic_publish("", queue, body, BasicProperties(delivery_mode=2))
