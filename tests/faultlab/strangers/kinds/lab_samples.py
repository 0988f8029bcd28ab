"""A laboratory refuses samples of which a unit is missing, from a queue without dead letters; or has them looked at.

The consumer is a class of callbacks on an asynchronous connection. What it cannot store it refuses, without having it
put back. Its twin sends such a sample to a queue of its own, from which a technician completes it.

Shown by: the process span of such a sample has the handler's error, and below it a `nack` span with
`eda.settle.requeue` false; nobody has a span of the sample after that (EDA104).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, url, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, BARE = 40, {4, 15, 16, 31}
log = logging.getLogger("laboratory")


def play(books: Books, library: str, faulty: bool) -> None:
    queue, bench = books.queue(), books.queue()
    laboratory = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("laboratory", laboratory, queue, bench, faulty):
        books.wait("ready", 1)
        books.run("ward", ward, library, queue)
        books.wait("done", COUNT - len(BARE))
        if faulty:
            books.wait("failed", len(BARE))
        else:
            books.wait("sent", COUNT + len(BARE))
            books.run("technician", technician, library, bench)
    assert books.count("done") == (COUNT - len(BARE) if faulty else COUNT)
    books.close_queue(queue)
    books.close_queue(bench)


def ward(library: str, queue: str) -> None:
    samples: list[dict[str, Any]] = [{"id": f"sample-{n}", "value": 4.1, "unit": "mmol/l"} for n in range(COUNT)]
    for number in BARE:
        del samples[number]["unit"]
    publish(library, queue, samples)


class Store:
    """What is known of patients."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def keep(self, sample: dict[str, Any]) -> None:
        self.values[sample["id"]] = f"{sample['value']} {sample['unit']}"


class Laboratory:
    """Consumes samples by callbacks, as the library's example does."""

    def __init__(self, queue: str, bench: str, strict: bool) -> None:
        self.queue, self.bench, self.strict = queue, bench, strict
        self.store = Store()
        self.connection: Any = None
        self.channel: Any = None
        self.closing = False

    def run(self) -> None:
        import pika

        host, port = rabbitmq()
        self.connection = pika.SelectConnection(
            pika.ConnectionParameters(host, port),
            on_open_callback=self.on_open,
            on_close_callback=self.on_closed,
        )
        signal.signal(signal.SIGTERM, lambda *_: self.connection.ioloop.add_callback_threadsafe(self.stop))
        self.connection.ioloop.start()

    def on_open(self, connection: Any) -> None:
        connection.channel(on_open_callback=self.on_channel)

    def on_channel(self, channel: Any) -> None:
        self.channel = channel
        channel.basic_qos(prefetch_count=4)
        channel.queue_declare(self.queue, durable=True, callback=self.on_declared)

    def on_declared(self, _: Any) -> None:
        self.channel.basic_consume(self.queue, self.on_sample, callback=lambda _: note("ready"))

    def on_sample(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        sample = json.loads(body)
        note("began", sample["id"], properties)
        try:
            self.store.keep(sample)
        except KeyError:
            if self.strict:
                note("failed", sample["id"], properties)
                log.exception("refused: %s", sample["id"])
                channel.basic_nack(method.delivery_tag, requeue=False)
                return
            note("sent", sample["id"], to=self.bench)
            channel.basic_publish("", self.bench, body)
        else:
            note("done", sample["id"], properties)
        channel.basic_ack(method.delivery_tag)

    def stop(self) -> None:
        if not self.closing:
            self.closing = True
            self.connection.close()

    def on_closed(self, *_: Any) -> None:
        self.connection.ioloop.stop()


def by_pika(queue: str, bench: str, faulty: bool) -> None:
    Laboratory(queue, bench, strict=faulty).run()


def by_aio_pika(queue: str, bench: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)
            source = await channel.declare_queue(queue, durable=True)
            on_sample = handler(channel, bench, strict=faulty)
            tag = await source.consume(on_sample)
            note("ready")
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())


def handler(channel: Any, bench: str, strict: bool) -> Callable[[Any], Any]:
    """Make what handles each sample."""
    store = Store()

    async def strictly(message: Any) -> None:
        async with message.process(requeue=False):
            sample = json.loads(message.body)
            note("began", sample["id"], message)
            if "unit" not in sample:
                note("failed", sample["id"], message)
            store.keep(sample)
            note("done", sample["id"], message)

    async def kindly(message: Any) -> None:
        import aio_pika

        async with message.process():
            sample = json.loads(message.body)
            note("began", sample["id"], message)
            try:
                store.keep(sample)
            except KeyError as error:
                log.warning("%s lacks its %s", sample["id"], error)
                note("sent", sample["id"], to=bench)
                await channel.default_exchange.publish(aio_pika.Message(message.body), bench)
            else:
                note("done", sample["id"], message)

    return strictly if strict else kindly


def technician(library: str, bench: str) -> None:
    def complete(sample: dict[str, Any], message: Any) -> str:
        note("began", sample["id"], message)
        Store().keep({**sample, "unit": "mmol/l"})
        note("done", sample["id"], message)
        return "ack"

    work(library, bench, complete, idle=5)
