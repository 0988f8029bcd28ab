"""A deploy makes an exchange anew, and with it the bindings go: stock changes go nowhere, and the shops do not notice.

The consumer is connected, and its queue is there and empty. The twin's deploy makes the binding again as well.

Shown by: sends to the exchange are confirmed, and the process spans of its messages end, though the consumer's metrics
go on (EDA504). Each of those messages has a send span and no process span (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
EACH = 30


def play(books: Books, library: str, faulty: bool) -> None:
    queue, exchange = books.queue(), books.stage.lab.rabbitmq.exchange("fanout")
    shops = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("shops", shops, exchange, queue):
        books.wait("ready", 1)
        books.run("warehouse", warehouse, library, exchange, 0)
        books.wait("done", EACH)
        time.sleep(1)
        books.run("deploy", deploy, exchange, "" if faulty else queue)
        books.run("warehouse", warehouse, library, exchange, EACH)
        if faulty:
            time.sleep(4)
        else:
            books.wait("done", 2 * EACH)
    books.close_queue(queue)
    if faulty:
        assert books.count("done") == EACH
        books.note("must", code="EDA504", where={"within": exchange})
        books.note("may", code="EDA104", most="SUSPECT", where={"within": exchange})
        books.note("may", code="EDA107", where={"within": exchange})
        books.note("may", code="EDA106", where={"within": exchange})


def warehouse(library: str, exchange: str, first: int) -> None:
    {"pika": tell_by_pika, "aio-pika": tell_by_aio_pika}[library](exchange, first)


def tell_by_pika(exchange: str, first: int) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    for number in range(first, first + EACH):
        note("sent", f"stock-{number}", to=exchange)
        body = json.dumps({"id": f"stock-{number}", "left": number})
        channel.basic_publish(exchange, "", body.encode(), pika.BasicProperties(delivery_mode=2))
        time.sleep(0.15)
    connection.close()


def tell_by_aio_pika(exchange: str, first: int) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            out = await channel.get_exchange(exchange)
            for number in range(first, first + EACH):
                note("sent", f"stock-{number}", to=exchange)
                body = json.dumps({"id": f"stock-{number}", "left": number}).encode()
                await out.publish(aio_pika.Message(body), "", mandatory=False)
                await asyncio.sleep(0.15)

    asyncio.run(main())


def deploy(exchange: str, queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.exchange_delete(exchange)
    channel.exchange_declare(exchange, "fanout", durable=True)
    if queue:
        channel.queue_bind(queue, exchange)
    connection.close()


def show(event: dict[str, Any], message: Any) -> None:
    note("began", event["id"], message)
    time.sleep(0.01)
    note("done", event["id"], message)


def by_pika(exchange: str, queue: str) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.queue_bind(queue, exchange)
    channel.basic_qos(prefetch_count=10)

    def on_stock(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        show(json.loads(body), properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_stock)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(exchange: str, queue: str) -> None:
    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            source = await channel.get_queue(queue)
            await source.bind(exchange, "")

            async def on_stock(message: Any) -> None:
                async with message.process():
                    show(json.loads(message.body), message)

            await source.consume(on_stock)
            note("ready")
            await ended.wait()

    asyncio.run(main())
