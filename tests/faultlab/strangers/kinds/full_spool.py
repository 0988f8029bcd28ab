"""A meter gateway takes a full queue's refusal for bad weather, and drops the reading; its twin spools and sends it.

What shows it: the send span of what the broker refused has the client's exception (`NackError`, `DeliveryError`), and
nobody has a process span of it. In the twin other sends follow, each taken in the end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, ROOM = 40, 10
log = logging.getLogger("gateway")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(max_length=ROOM, overflow="reject-publish")
    with books.serving("billing-meter", billing, queue):
        books.wait("ready", 1)
        books.run("gateway", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, not faulty)
        refused = books.count("nacked")
        assert refused > 0
        books.wait("done", COUNT - refused if faulty else COUNT)
    books.close_queue(queue)
    if faulty:
        books.note("must", code="EDA106", where={"service": "gateway", "within": queue})
    # The broker did refuse each of them once, whatever became of it.
    for code in ("EDA101", "EDA106"):
        books.note("may", code=code, most="CONFIRMED", where={"service": "gateway"})
    books.note("may", code="EDA501", where={"service": "billing-meter"})  # the queue is full, after all


def readings() -> list[dict[str, Any]]:
    return [{"id": f"reading-{n}", "kwh": 1000 + 3 * n} for n in range(COUNT)]


def by_pika(queue: str, spools: bool) -> None:
    import pika
    from pika.exceptions import NackError

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    spool = deque(readings())
    while spool:
        reading = spool.popleft()
        try:
            channel.basic_publish("", queue, json.dumps(reading).encode(), pika.BasicProperties(delivery_mode=2))
            note("taken", reading["id"])
        except NackError:
            note("nacked", reading["id"])
            log.warning("%s is not sent, the network must be bad again", reading["id"])
            if spools:
                spool.append(reading)
                connection.sleep(0.2)
    connection.close()


def by_aio_pika(queue: str, spools: bool) -> None:
    async def main() -> None:
        import aio_pika
        from aio_pika.exceptions import DeliveryError

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel(publisher_confirms=True)
            spool = deque(readings())
            while spool:
                reading = spool.popleft()
                try:
                    message = aio_pika.Message(json.dumps(reading).encode())
                    await channel.default_exchange.publish(message, queue)
                    note("taken", reading["id"])
                except DeliveryError:
                    note("nacked", reading["id"])
                    log.warning("%s is not sent, the network must be bad again", reading["id"])
                    if spools:
                        spool.append(reading)
                        await asyncio.sleep(0.2)

    asyncio.run(main())


def billing(queue: str) -> None:
    """Reads slowly, by pika, whatever the gateway is written in."""
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def on_reading(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        reading = json.loads(body)
        note("began", reading["id"], properties)
        time.sleep(0.12)
        note("done", reading["id"], properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_reading)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()
