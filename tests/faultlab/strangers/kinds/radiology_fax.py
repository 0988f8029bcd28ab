"""A new hospital's reports go to a queue of its own, which the fax service's settings do not name; its twin's job does.

The twin's service does not name it, either, but a job empties that queue by `get`, when there is a line for it. Shown
by: confirmed send spans to a queue that nobody receives from, not even by `get` (EDA107).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT = 15


def play(books: Books, library: str, faulty: bool) -> None:
    queues = [books.queue() for _ in range(3)]
    fax = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.running("fax", fax, environ={"FAX_QUEUES": ",".join(queues[:2])}) as service:
        books.wait("ready", 1)
        for number, queue in enumerate(queues):
            books.run("radiology", radiology, library, queue, number)
        books.wait("done", 2 * COUNT)
        if not faulty:
            books.run("fax-job", {"pika": drain_by_pika, "aio-pika": drain_by_aio_pika}[library], queues[2])
        time.sleep(2)
        books.stop(service)
    if faulty:
        books.note("unread", to=queues[2])
    for queue in queues:
        books.close_queue(queue)


def radiology(library: str, queue: str, hospital: int) -> None:
    publish(library, queue, [{"id": f"report-{hospital}-{n}", "pages": 1 + n % 3} for n in range(COUNT)])


def send(body: bytes, message: Any) -> None:
    report = json.loads(body)
    note("began", report["id"], message)
    time.sleep(0.01 * report["pages"])
    note("done", report["id"], message)


def by_pika() -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def on_report(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        send(body, properties)
        ch.basic_ack(method.delivery_tag)

    for queue in os.environ["FAX_QUEUES"].split(","):
        channel.basic_consume(queue, on_report)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika() -> None:
    async def on_report(message: Any) -> None:
        async with message.process():
            send(message.body, message)

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            for name in os.environ["FAX_QUEUES"].split(","):
                queue = await channel.get_queue(name)
                await queue.consume(on_report)
            note("ready")
            await ended.wait()

    asyncio.run(main())


def drain_by_pika(queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    while True:
        method, properties, body = channel.basic_get(queue)
        if method is None:
            break
        send(body, properties)
        channel.basic_ack(method.delivery_tag)
    connection.close()


def drain_by_aio_pika(queue: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            source = await channel.get_queue(queue)
            while (message := await source.get(fail=False)) is not None:
                send(message.body, message)
                await message.ack()

    asyncio.run(main())
