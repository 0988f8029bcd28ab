"""Forked workers take temperatures that the broker acknowledges itself: one dies of a reading, with its hands full.

Without acknowledgements the broker hands a worker whatever there is. What the dead worker had received and not begun is
gone with it. The twin's workers acknowledge what they have stored; one dies as well, and the other has all of it again.

Shown by: the process span of the reading that kills has the error and `eda.message.auto_ack`; those that were in the
worker's hands have a send span, and nobody has them after that (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, MORE, BROKEN = 80, 20, 25


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("trucks", trucks, library, queue, 0, COUNT)
    with books.running("cold-chain", master, library, queue, faulty) as running:
        books.wait("failed", 1)
        if not faulty:
            books.wait("done", COUNT)
        books.wait("ready", 2)
        books.run("trucks", trucks, library, queue, COUNT, COUNT + MORE)
        books.wait("last", 1)
        time.sleep(1)
        books.stop(running)
    done = books.count("done")
    assert done < COUNT + MORE - 5 if faulty else done == COUNT + MORE
    books.close_queue(queue)


def trucks(library: str, queue: str, first: int, last: int) -> None:
    publish(library, queue, [{"id": f"t-{n}", "celsius": "err" if n == BROKEN else "3.5"} for n in range(first, last)])


class Log:
    """Temperatures, as they are stored."""

    def __init__(self, careful: bool) -> None:
        self.careful = careful
        self.values: list[float] = []

    def store(self, reading: dict[str, Any], message: Any, again: bool) -> None:
        note("began", reading["id"], message)
        time.sleep(0.01)
        if reading["celsius"] == "err" and not (again and self.careful):
            note("failed", reading["id"], message)
        self.values.append(
            -99.0 if again and self.careful and reading["celsius"] == "err" else float(reading["celsius"])
        )
        note("done", reading["id"], message)
        if reading["id"] == f"t-{COUNT + MORE - 1}":
            note("last")


def master(library: str, queue: str, faulty: bool) -> None:
    """Keep one worker at work."""
    stop, worker = Stop(), None
    while not stop.asked:
        if worker is None or not worker.is_alive():
            worker = multiprocessing.Process(target=work, args=(library, queue, faulty))
            worker.start()
        time.sleep(0.2)
    if worker is not None:
        worker.terminate()
        worker.join(30)


def work(library: str, queue: str, faulty: bool) -> None:
    {"pika": by_pika, "aio-pika": by_aio_pika}[library](queue, faulty)


def by_pika(queue: str, faulty: bool) -> None:
    stop, log, connection = Stop(), Log(careful=not faulty), connect()
    channel = connection.channel()

    def on_reading(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        log.store(json.loads(body), properties, method.redelivered)
        if not faulty:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_reading, auto_ack=faulty)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        stop, log = Stop(), Log(careful=not faulty)
        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            source = await channel.get_queue(queue)
            note("ready")
            while not stop.asked:
                try:
                    async with source.iterator(timeout=1, no_ack=faulty) as readings:
                        async for message in readings:
                            log.store(json.loads(message.body), message, bool(message.redelivered))
                            if not faulty:
                                await message.ack()
                            if stop.asked:
                                break
                except asyncio.TimeoutError:
                    continue

    asyncio.run(main())
