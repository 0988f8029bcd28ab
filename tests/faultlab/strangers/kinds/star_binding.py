"""A queue is bound by `orders.*`, which is one word only, and a new region's keys have two; or by `orders.#` as well.

What shows it: the sends by the new routing key succeed, and nobody has ever processed one of that destination, while
those by the other keys are processed by a service whose telemetry is there.
"""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
KEYS = ("orders.placed", "orders.paid", "orders.eu.placed", "orders.shipped")
COUNT = 40


def play(books: Books, library: str, faulty: bool) -> None:
    queue, exchange = books.queue(), books.stage.lab.rabbitmq.exchange("topic")
    bindings = ["orders.*"] if faulty else ["orders.*", "orders.#"]
    with books.serving("order-history", {"pika": by_pika, "aio-pika": by_aio_pika}[library], exchange, queue, bindings):
        books.wait("ready", 1)
        books.run("orders", {"pika": place_by_pika, "aio-pika": place_by_aio_pika}[library], exchange)
        books.wait("done", COUNT - COUNT // len(KEYS) if faulty else COUNT)
    books.close_queue(queue)
    if faulty:
        books.note("unread", to=f"{exchange}:{KEYS[2]}")
        books.note("may", code="EDA106", where={"within": f"{exchange}:{KEYS[2]}"})  # the broker has thrown them away


def events() -> list[tuple[str, dict[str, Any]]]:
    return [(KEYS[n % len(KEYS)], {"id": f"event-{n}", "order": n // len(KEYS)}) for n in range(COUNT)]


def place_by_pika(exchange: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.exchange_declare(exchange, "topic", durable=True)
    channel.confirm_delivery()
    for key, event in events():
        note("sent", event["id"], to=f"{exchange}:{key}")
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
        channel.basic_publish(exchange, key, json.dumps(event).encode(), properties)
    connection.close()


def place_by_aio_pika(exchange: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            topic = await channel.declare_exchange(exchange, aio_pika.ExchangeType.TOPIC, durable=True)
            for key, event in events():
                note("sent", event["id"], to=f"{exchange}:{key}")
                # What nobody wants is not to come back.
                await topic.publish(aio_pika.Message(json.dumps(event).encode()), key, mandatory=False)

    asyncio.run(main())


class History:
    """What happened to each order."""

    def __init__(self) -> None:
        self.orders: dict[int, list[str]] = {}

    def add(self, key: str, event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message)
        self.orders.setdefault(event["order"], []).append(key)
        note("done", event["id"], message)


def by_pika(exchange: str, queue: str, bindings: list[str]) -> None:
    stop, history, connection = Stop(), History(), connect()
    channel = connection.channel()
    channel.exchange_declare(exchange, "topic", durable=True)
    channel.queue_declare(queue, durable=True)
    for key in bindings:
        channel.queue_bind(queue, exchange, key)

    def on_event(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        history.add(method.routing_key, json.loads(body), properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_event)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(exchange: str, queue: str, bindings: list[str]) -> None:
    history = History()

    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=20)
            topic = await channel.declare_exchange(exchange, aio_pika.ExchangeType.TOPIC, durable=True)
            source = await channel.declare_queue(queue, durable=True)
            for key in bindings:
                await source.bind(topic, key)

            async def on_event(message: Any) -> None:
                async with message.process(requeue=True):
                    history.add(message.routing_key, json.loads(message.body), message)

            tag = await source.consume(on_event)
            note("ready")
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())
