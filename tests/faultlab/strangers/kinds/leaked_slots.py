"""A pipeline forgets to settle what it cannot parse, until its prefetch is used up; or it settles that, too."""

from __future__ import annotations

import asyncio
import json
import logging
import queue as queues
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, PREFETCH, SECONDS = 120, 8, 0.04
log = logging.getLogger("labels")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    program = {"pika": by_threads, "aio-pika": by_tasks}[library]
    with books.running("label-printer", program, queue, faulty) as printer:
        books.run("warehouse", warehouse, library, queue)
        if not faulty:
            books.wait("done", COUNT - COUNT // 6)
        time.sleep(3)  # until somebody has a look
        books.stop(printer)
    books.close_queue(queue)
    if faulty:
        books.note("must", code="EDA504", where={"within": queue})


def warehouse(library: str, queue: str) -> None:
    for number in range(COUNT):
        address = "" if number % 6 == 5 else f"{number} High Street"
        publish(library, queue, [{"id": f"parcel-{number}", "address": address}])
        time.sleep(SECONDS)


def label(parcel: dict[str, Any], message: Any) -> str:
    """Make a label of a parcel."""
    note("began", parcel["id"], message)
    if not parcel["address"]:
        note("failed", parcel["id"], message)
        raise ValueError("no address")
    time.sleep(0.005)
    note("done", parcel["id"], message)
    return f"^XA^FD{parcel['address']}^XZ"


def by_tasks(queue: str, faulty: bool) -> None:
    asyncio.run(_by_tasks(queue, faulty))


async def _by_tasks(queue: str, faulty: bool) -> None:
    import signal

    import aio_pika

    stopping, arrived = asyncio.Event(), asyncio.Queue[Any]()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

    async def print_labels() -> None:
        while True:
            message = await arrived.get()
            parcel = json.loads(message.body)
            try:
                label(parcel, message)
                await message.ack()
            except ValueError as error:
                if not faulty:
                    note("filtered", parcel["id"], message)  # the clerk gets a list of these
                    await message.ack()
                log.warning("parcel %s: %s", parcel["id"], error)

    async with await aio_pika.connect_robust(url()) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        source = await channel.get_queue(queue)
        tag = await source.consume(arrived.put)
        printers = [asyncio.create_task(print_labels()) for _ in range(2)]
        await stopping.wait()
        await source.cancel(tag)
        for printer in printers:
            printer.cancel()


class Printer(threading.Thread):
    """A thread at a label printer."""

    def __init__(self, arrived: queues.Queue[Any], settle: Callable[[int], None], faulty: bool) -> None:
        super().__init__(daemon=True)
        self.arrived, self.settle, self.faulty = arrived, settle, faulty

    def run(self) -> None:
        while True:
            tag, properties, body = self.arrived.get()
            parcel = json.loads(body)
            try:
                label(parcel, properties)
            except ValueError as error:
                log.warning("parcel %s: %s", parcel["id"], error)
                if self.faulty:
                    continue
                note("filtered", parcel["id"], properties)
            self.settle(tag)


def by_threads(queue: str, faulty: bool) -> None:
    import signal

    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH)
    arrived: queues.Queue[Any] = queues.Queue()
    later = connection.add_callback_threadsafe
    for _ in range(2):
        Printer(arrived, lambda tag: later(lambda: channel.basic_ack(tag)), faulty).start()

    def on_message(_: Any, method: Any, properties: Any, body: bytes) -> None:
        arrived.put((method.delivery_tag, properties, body))

    channel.basic_consume(queue, on_message)
    signal.signal(signal.SIGTERM, lambda *_: later(channel.stop_consuming))
    channel.start_consuming()
    connection.close()
