"""A tracker refuses what it does not understand, at a queue without dead-letter exchange; its twin puts it back.

Shown by: the process span of such a scan has an error, the reject (or nack) span has `eda.settle.requeue` false and
`eda.settle.dead_letter` false, as the tracker declares the queue itself; nobody has the scan after that (EDA104). The
twin's scans come again, marked as redelivered, when it has loaded its table of carriers anew.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, FOREIGN = 30, {6, 17, 25}


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    tracker = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("tracker", tracker, queue, faulty):
        books.wait("ready", 1)
        books.run("depots", depots, library, queue)
        books.wait("done", COUNT - len(FOREIGN) if faulty else COUNT)
        books.wait("failed", len(FOREIGN))
        time.sleep(2)
    books.close_queue(queue)


def depots(library: str, queue: str) -> None:
    scans = [{"id": f"scan-{n}", "carrier": "PL7" if n in FOREIGN else "DE1"} for n in range(COUNT)]
    publish(library, queue, scans)


class Tracker:
    """Where parcels are, by the carriers that it knows."""

    def __init__(self) -> None:
        self.carriers = {"DE1": "Post"}
        self.at: dict[str, str] = {}

    def reload(self) -> None:
        self.carriers["PL7"] = "Poczta"

    def track(self, scan: dict[str, Any], message: Any) -> None:
        note("began", scan["id"], message)
        if scan["carrier"] not in self.carriers:
            note("failed", scan["id"], message)
        self.at[scan["id"]] = self.carriers[scan["carrier"]]
        note("done", scan["id"], message)


def by_pika(queue: str, final: bool) -> None:
    stop, tracker, connection = Stop(), Tracker(), connect()
    channel = connection.channel()
    channel.queue_declare(queue, durable=True)
    channel.basic_qos(prefetch_count=1)

    def on_scan(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            if method.redelivered:
                tracker.reload()
            tracker.track(json.loads(body), properties)
        except KeyError:
            ch.basic_reject(method.delivery_tag, requeue=not final)
            time.sleep(0 if final else 0.3)
        else:
            ch.basic_ack(method.delivery_tag)
            if not final:
                tracker.carriers.pop("PL7", None)  # it keeps foreign ones for one scan only

    channel.basic_consume(queue, on_scan)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, final: bool) -> None:
    async def main() -> None:
        import aio_pika

        tracker, ended = Tracker(), asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

        async def on_scan(message: Any) -> None:
            async with message.process(requeue=not final):
                if message.redelivered:
                    tracker.reload()
                try:
                    tracker.track(json.loads(message.body), message)
                finally:
                    tracker.carriers.pop("PL7", None)

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            source = await channel.declare_queue(queue, durable=True)
            await source.consume(on_scan)
            note("ready")
            await ended.wait()

    asyncio.run(main())
