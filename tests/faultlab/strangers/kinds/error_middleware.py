"""A house framework logs every error of a handler in its outermost layer, and acknowledges; its twin tries again below.

What shows it: the error is logged while the message is processed (the event `eda.process.error_logged` on its process
span, and a log record of level ERROR), and the message is acknowledged. Nothing says whether somebody did the work.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

    Step = Callable[[dict[str, Any], Any], None]

__all__ = ["LIBRARIES"]
COUNT, ABROAD = 36, {7, 15, 16, 29}
log = logging.getLogger("house.app")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("parcel-labels", labels, library, queue, faulty):
        books.run("warehouse", warehouse, library, queue)
        books.wait("done", COUNT - len(ABROAD) if faulty else COUNT)
        books.wait("failed", len(ABROAD))
    books.close_queue(queue)


def warehouse(library: str, queue: str) -> None:
    parcels = [{"id": f"parcel-{n}", "country": "CH" if n in ABROAD else "DE"} for n in range(COUNT)]
    publish(library, queue, parcels)


class App:
    """What runs a handler of the house, with layers around it; the last one that is added is the outermost."""

    def __init__(self, handler: Step) -> None:
        self.call = handler

    def add(self, layer: Callable[[Step], Step]) -> None:
        self.call = layer(self.call)

    def run(self, library: str, queue: str) -> None:
        if library == "pika":
            self._run_pika(queue)
        else:
            asyncio.run(self._run_aio_pika(queue))

    def _run_pika(self, queue: str) -> None:
        stop, connection = Stop(), connect()
        channel = connection.channel()
        channel.basic_qos(prefetch_count=8)

        def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
            self.call(json.loads(body), properties)
            ch.basic_ack(delivery_tag=method.delivery_tag)

        channel.basic_consume(queue=queue, on_message_callback=on_message)
        while not stop.asked:
            connection.process_data_events(time_limit=0.2)
        connection.close()

    async def _run_aio_pika(self, queue: str) -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        connection = await aio_pika.connect_robust(url())
        async with connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=8)

            async def on_message(message: Any) -> None:
                async with message.process():
                    self.call(json.loads(message.body), message)

            source = await channel.get_queue(queue)
            tag = await source.consume(on_message)
            await stopping.wait()
            await source.cancel(tag)


def logs_errors(call: Step) -> Step:
    """Keep the worker alive, whatever a handler does."""

    def layer(event: dict[str, Any], message: Any) -> None:
        try:
            call(event, message)
        except Exception:
            note("logged", event["id"])
            log.exception("unhandled error for %s", event["id"])

    return layer


def tries_again(call: Step) -> Step:
    """Try three times; each failure is logged as an error, since somebody once wanted to see them all."""

    def layer(event: dict[str, Any], message: Any) -> None:
        for attempt in (1, 2):
            try:
                return call(event, message)
            except Exception:
                log.exception("attempt %s of %s failed", attempt, event["id"])
        return call(event, message)

    return layer


class Labels:
    """Prints labels. The customs' form of a country is not there, or only comes when it is asked for again."""

    def __init__(self, never: bool) -> None:
        self.never = never
        self.asked: set[str] = set()

    def print(self, parcel: dict[str, Any], message: Any) -> None:
        note("began", parcel["id"], message)
        if parcel["country"] != "DE" and (self.never or parcel["id"] not in self.asked):
            self.asked.add(parcel["id"])
            note("failed", parcel["id"], message)
            raise FileNotFoundError(f"forms/{parcel['country']}.xml")
        note("done", parcel["id"], message)


def labels(library: str, queue: str, faulty: bool) -> None:
    app = App(Labels(never=faulty).print)
    if not faulty:
        app.add(tries_again)
    app.add(logs_errors)
    app.run(library, queue)
