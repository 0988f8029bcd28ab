"""Bags for a new airport have no binding, and go by an alternate exchange to a queue that nobody reads; or staff do.

The exchange for bags has an alternate exchange, so that nothing is ever returned, and the publisher sees a confirmation
for each bag. One airport was opened on Monday, and no queue is bound for it. In the twin somebody sorts what is in the
queue for the rest by hand, with a program of its own.

Shown by: the send spans to the exchange with that airport's key are confirmed, and no process span links to any of them
(EDA107).
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, AIRPORTS, NEW = 45, ("lyon", "oslo", "porto"), "turku"
KNOWN, UNKNOWN = COUNT - COUNT // 5, COUNT // 5


def play(books: Books, library: str, faulty: bool) -> None:
    exchange, belt, rest = f"bags-{books.file.stem.replace('.', '-')}", books.queue(), books.queue()
    check_in = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with ExitStack() as stack:
        stack.enter_context(books.serving("sorter", sorter, exchange, belt, rest))
        books.wait("ready", 1)
        if not faulty:
            stack.enter_context(books.serving("hand-sorter", hand_sorter, rest))
        books.run("check-in", check_in, exchange)
        books.wait("done", KNOWN if faulty else COUNT)
        time.sleep(3)
    if faulty:
        assert books.stage.lab.rabbitmq.depth(rest) == UNKNOWN
        books.note("unread", to=f"bag.{NEW}")


def bags(exchange: str) -> list[tuple[str, dict[str, Any]]]:
    """Give each bag with its routing key, and note that it is sent."""
    ways = [NEW if n % 5 == 4 else AIRPORTS[n % 3] for n in range(COUNT)]
    return [(f"bag.{way}", {"id": f"bag-{n}", "to": way}) for n, way in enumerate(ways)]


def by_pika(exchange: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for key, bag in bags(exchange):
        note("sent", bag["id"], to=f"{exchange}:{key}")
        properties = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish(exchange, key, json.dumps(bag).encode(), properties, mandatory=True)
    connection.close()


def by_aio_pika(exchange: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            target = await channel.get_exchange(exchange)
            for key, bag in bags(exchange):
                note("sent", bag["id"], to=f"{exchange}:{key}")
                await target.publish(aio_pika.Message(json.dumps(bag).encode()), key)

    asyncio.run(main())


class Chutes:
    """Where bags slide to their flights."""

    def __init__(self) -> None:
        self.bags: dict[str, list[str]] = {}

    def on_bag(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        bag = json.loads(body)
        note("began", bag["id"], properties)
        self.bags.setdefault(bag["to"], []).append(bag["id"])
        time.sleep(0.02)
        note("done", bag["id"], properties)
        channel.basic_ack(method.delivery_tag)


def sorter(exchange: str, belt: str, rest: str) -> None:
    """Declare what there is, and read the bags of all airports that have a binding."""
    connection = connect()
    channel = connection.channel()
    channel.exchange_declare(f"{exchange}-rest", "fanout", durable=True)
    channel.queue_bind(rest, f"{exchange}-rest")
    channel.exchange_declare(exchange, "topic", durable=True, arguments={"alternate-exchange": f"{exchange}-rest"})
    for airport in AIRPORTS:
        channel.queue_bind(belt, exchange, f"bag.{airport}")
    _read(connection, channel, belt)


def hand_sorter(rest: str) -> None:
    connection = connect()
    _read(connection, connection.channel(), rest)


def _read(connection: Any, channel: Any, queue: str) -> None:
    stop, chutes = Stop(), Chutes()
    channel.basic_qos(prefetch_count=10)
    channel.basic_consume(queue, chutes.on_bag)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()
