"""A master's workers print letters and die, one by one, of the same letter, until none is left; or are replaced.

The letter has a name that its template cannot encode. The error ends the worker, the broker gives the letter to the
next one, and the master is there for its own health only. The twin's master starts new ones, and a worker takes another
template for what has come back.

Shown by: three process spans of one message in three processes, each with the same error, the later ones with
`eda.message.redelivered` (EDA402); and sends to the queue that nobody has after that (EDA504).
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
WORKERS, FIRST, MORE, STRANGE = 3, 40, 20, 22


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("letters", {"pika": by_multiprocessing, "aio-pika": by_fork}[library], queue, faulty) as running:
        books.wait("ready", WORKERS)
        books.run("tax-office", tax_office, library, queue, 0, FIRST)
        if faulty:
            books.wait("failed", WORKERS)
        else:
            books.wait("done", FIRST)
        books.run("tax-office", tax_office, library, queue, FIRST, FIRST + MORE)
        if faulty:
            time.sleep(3)
        else:
            books.wait("done", FIRST + MORE)
        books.stop(running)
    books.close_queue(queue)
    if faulty:
        assert books.count("done") < FIRST
        books.note("must", code="EDA504", where={"within": queue})


def tax_office(library: str, queue: str, first: int, last: int) -> None:
    publish(
        library,
        queue,
        [
            {"id": f"letter-{n}", "name": "Łucja" if n == STRANGE else "Anna", "cents": 100 * n}
            for n in range(first, last)
        ],
    )


class Printer:
    """Prints letters for a machine that knows Latin-1 only."""

    def __init__(self, careful: bool) -> None:
        self.careful = careful
        self.pages: list[bytes] = []

    def print(self, letter: dict[str, Any], message: Any, again: bool) -> None:
        note("began", letter["id"], message)
        time.sleep(0.01)
        name = letter["name"]
        if again and self.careful:
            name = name.encode("ascii", "replace").decode()
        if not name.isascii():
            note("failed", letter["id"], message)
        self.pages.append(f"Dear {name}, you owe us {letter['cents']} cents.".encode("latin-1"))
        note("done", letter["id"], message)


def by_multiprocessing(queue: str, faulty: bool) -> None:
    """Have workers that `multiprocessing` makes."""
    stop = Stop()
    workers = [started(queue, faulty) for _ in range(WORKERS)]
    while not stop.asked:
        time.sleep(0.3)  # here it would answer for its health
        if not faulty:
            workers = [worker if worker.is_alive() else started(queue, faulty) for worker in workers]
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(30)


def started(queue: str, faulty: bool) -> Any:
    worker = multiprocessing.Process(target=work_by_pika, args=(queue, faulty))
    worker.start()
    return worker


def work_by_pika(queue: str, faulty: bool) -> None:
    stop, printer, connection = Stop(), Printer(careful=not faulty), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def on_letter(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        printer.print(json.loads(body), properties, method.redelivered)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_letter)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_fork(queue: str, faulty: bool) -> None:
    """Have workers that `os.fork` makes."""
    stop = Stop()
    workers = {forked(queue, faulty) for _ in range(WORKERS)}
    while not stop.asked:
        time.sleep(0.3)
        if not faulty:
            gone = {pid for pid in workers if os.waitpid(pid, os.WNOHANG)[0]}
            workers = (workers - gone) | {forked(queue, faulty) for _ in gone}
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for pid in workers:
        os.waitpid(pid, 0)


def forked(queue: str, faulty: bool) -> int:
    """Fork a worker; the child never comes back from here."""
    pid = os.fork()
    if pid == 0:
        asyncio.run(work_by_aio_pika(queue, faulty))
        sys.exit()
    return pid


async def work_by_aio_pika(queue: str, faulty: bool) -> None:
    import aio_pika

    printer, ended = Printer(careful=not faulty), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with await aio_pika.connect(url()) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        source = await channel.get_queue(queue)
        reading = asyncio.create_task(read(source, printer))
        note("ready")
        ending = asyncio.create_task(ended.wait())
        await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            reading.result()
        reading.cancel()


async def read(source: Any, printer: Printer) -> None:
    async with source.iterator() as messages:
        async for message in messages:
            printer.print(json.loads(message.body), message, message.redelivered)
            await message.ack()
