"""The thread or task that ports numbers ends by an error, and its service lives on; the twin's is started again.

Shown by: the last process span of the queue has an error, and the send spans after it have none; the service is heard
of later, by its metrics (EDA504).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
FIRST, MORE, STRANGE = 20, 15, 11
log = logging.getLogger("porting")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    porting = {"pika": by_thread, "aio-pika": by_task}[library]
    with books.serving("porting", porting, queue, faulty):
        books.wait("ready", 1)
        books.run("portal", portal, library, queue, 0, FIRST)
        books.wait("failed", 1)
        if not faulty:
            books.wait("done", FIRST)
        books.run("portal", portal, library, queue, FIRST, FIRST + MORE)
        if not faulty:
            books.wait("done", FIRST + MORE)
        time.sleep(3)
    books.close_queue(queue)
    if faulty:
        assert books.count("done") == STRANGE
        books.note("must", code="EDA504", where={"within": queue})


def portal(library: str, queue: str, first: int, end: int) -> None:
    orders = [{"id": f"port-{n}", "to": "mvno-9" if n == STRANGE else "op-1"} for n in range(first, end)]
    publish(library, queue, orders)


class Porting:
    """Moves numbers to their new operators."""

    def __init__(self) -> None:
        self.operators = {"op-1": 0}

    def port(self, order: dict[str, Any], message: Any) -> None:
        note("began", order["id"], message)
        if order["to"] not in self.operators:
            note("failed", order["id"], message)
        self.operators[order["to"]] += 1
        note("done", order["id"], message)


class Reader(threading.Thread):
    """Reads orders in a thread of its own."""

    def __init__(self, queue: str, porting: Porting, stop: Stop) -> None:
        super().__init__(name="porting", daemon=True)
        self.queue, self.porting, self.stop = queue, porting, stop
        self.start()

    def run(self) -> None:
        with closing(connect()) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=5)
            note("ready")
            for method, properties, body in channel.consume(self.queue, inactivity_timeout=0.2):
                if self.stop.asked:
                    break
                if method is not None:
                    self.porting.port(json.loads(body), properties)
                    channel.basic_ack(method.delivery_tag)


def by_thread(queue: str, faulty: bool) -> None:
    stop, porting = Stop(), Porting()
    reader = Reader(queue, porting, stop)
    while not stop.asked:
        time.sleep(0.2)  # here it would answer requests
        if not faulty and not reader.is_alive():
            porting.operators["mvno-9"] = 0  # it loads the list of operators when it starts
            reader = Reader(queue, porting, stop)
    reader.join(10)


def by_task(queue: str, faulty: bool) -> None:
    porting = Porting()

    async def consume() -> None:
        import aio_pika

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=5)
            source = await channel.get_queue(queue)
            note("ready")
            async with source.iterator() as orders:
                async for message in orders:
                    porting.port(json.loads(message.body), message)
                    await message.ack()

    async def main() -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        task = asyncio.create_task(consume())
        while not ended.is_set():
            await asyncio.sleep(0.2)
            if not faulty and task.done():
                log.warning("porting ended: %r", task.exception())
                porting.operators["mvno-9"] = 0
                task = asyncio.create_task(consume())
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(main())
