"""Labels are to be printed within two seconds, by their queue's time to live; its printer is slow, its twin's is quick.

The queue has no dead-letter exchange, so what expires vanishes. Shown by: send spans, confirmed, of messages of which
the queue's only reader, who is there before and after, has no process span (EDA104, a SUSPECT: nobody had them).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from support.waiting import until

from faultlab.strangers import diary
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT = 20


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(message_ttl=2000 if faulty else 60_000)
    printer = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("label-printer", printer, queue, 0.7 if faulty else 0.02):
        books.wait("warm", 1)
        books.run("packing", packing, library, queue, 0, COUNT)
        if faulty:
            until(lambda: books.stage.lab.rabbitmq.depth(queue) == 0, "an empty queue", 60)
            time.sleep(2)
        else:
            books.wait("done", COUNT)
        books.run("packing", packing, library, queue, COUNT, COUNT + 1)  # the next shift's first parcel
        until(lambda: f"label-{COUNT}" in done(books), "the last label", 60)
    books.close_queue(queue)
    if faulty:
        books.note("may", code="EDA504", where={"within": queue})  # it did not keep up


def done(books: Books) -> set[Any]:
    return {line["event"] for line in diary.read(books.file) if line["what"] == "done"}


def packing(library: str, queue: str, first: int, end: int) -> None:
    publish(library, queue, [{"id": f"label-{n}", "parcel": f"P{n:05}"} for n in range(first, end)])


class Printer:
    """Prints one label after the other."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def start(self, label: dict[str, Any], message: Any) -> float:
        note("began", label["id"], message)
        return self.seconds

    def finish(self, label: dict[str, Any], message: Any) -> None:
        note("done", label["id"], message)


def by_pika(queue: str, seconds: float) -> None:
    stop, printer, connection = Stop(), Printer(seconds), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    note("warm")
    for method, properties, body in channel.consume(queue, inactivity_timeout=0.3):
        if stop.asked:
            break
        if method is None:
            continue
        label = json.loads(body)
        connection.sleep(printer.start(label, properties))
        printer.finish(label, properties)
        channel.basic_ack(method.delivery_tag)
    channel.cancel()
    connection.close()


def by_aio_pika(queue: str, seconds: float) -> None:
    printer = Printer(seconds)

    async def run() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            source = await channel.get_queue(queue, ensure=True)
            note("warm")
            async with source.iterator() as labels:
                async for message in labels:
                    async with message.process():
                        label = json.loads(message.body)
                        await asyncio.sleep(printer.start(label, message))
                        printer.finish(label, message)

    async def main() -> None:
        task = asyncio.create_task(run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait({task})

    asyncio.run(main())
