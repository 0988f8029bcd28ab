"""A consumer's queue goes with it at a deployment, and what is sent meanwhile is in no queue; its twin's queue stays.

What shows it: the sends in the gap succeed, and no process span of anybody has a link to them, while what was sent to
the same exchange before and after is processed by the service. The twin's live board has such a queue on purpose.
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
COUNT = 12


def play(books: Books, library: str, faulty: bool) -> None:
    stays = books.queue()
    exchange = books.stage.lab.rabbitmq.exchange("fanout")
    billing = f"billing-{exchange}" if faulty else stays
    consumer = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    publisher = {"pika": ship_by_pika, "aio-pika": ship_by_aio_pika}[library]
    for release in (0, 2):
        with books.serving("billing", consumer, exchange, billing, faulty, "done"):
            books.wait("ready", 1 + release // 2, "billing")
            if not faulty:
                with books.serving("live-board", consumer, exchange, f"board-{exchange}", True, "shown"):
                    books.wait("ready", 1 + release // 2, "live-board")
                    books.run("shipping", publisher, exchange, release)
                    books.wait("shown", COUNT * (1 + release // 2))
            else:
                books.run("shipping", publisher, exchange, release)
            books.wait("done", COUNT * (1 + release // 2 if faulty else 1 + release))
        if release == 0:
            books.run("shipping", publisher, exchange, 1)
    books.note("left", queue=exchange, number=0)
    if faulty:
        books.note("may", code="EDA106", where={"within": exchange})  # the broker has thrown them away


def events(part: int) -> list[dict[str, Any]]:
    return [{"id": f"parcel-{COUNT * part + n}"} for n in range(COUNT)]


def ship_by_pika(exchange: str, part: int) -> None:
    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for event in events(part):
        note("sent", event["id"], to=exchange)
        channel.basic_publish(exchange=exchange, routing_key="", body=json.dumps(event).encode())
    connection.close()


def ship_by_aio_pika(exchange: str, part: int) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            target = await channel.declare_exchange(exchange, "fanout", durable=True)
            for event in events(part):
                note("sent", event["id"], to=exchange)
                await target.publish(aio_pika.Message(json.dumps(event).encode()), "", mandatory=False)

    asyncio.run(main())


def handle(event: dict[str, Any], message: Any, what: str) -> None:
    note("began" if what == "done" else "looked", event["id"], message)
    note(what, event["id"], message)


def by_pika(exchange: str, queue: str, temporary: bool, what: str) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.queue_declare(queue, durable=not temporary, auto_delete=temporary, exclusive=temporary)
    channel.queue_bind(queue, exchange)
    channel.basic_qos(prefetch_count=10)

    def on_parcel(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        handle(json.loads(body), properties, what)
        ch.basic_ack(method.delivery_tag)

    tag = channel.basic_consume(queue, on_parcel)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    channel.basic_cancel(tag)
    connection.close()


def by_aio_pika(exchange: str, queue: str, temporary: bool, what: str) -> None:
    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            source = await channel.declare_queue(
                queue, durable=not temporary, auto_delete=temporary, exclusive=temporary
            )
            await source.bind(exchange)

            async def on_parcel(message: Any) -> None:
                handle(json.loads(message.body), message, what)
                await message.ack()

            tag = await source.consume(on_parcel)
            note("ready")
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())
