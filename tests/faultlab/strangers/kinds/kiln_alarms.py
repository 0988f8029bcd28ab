"""An alarm desk refuses what its handlers raise at: a firmware has renamed a field, and gas alarms are gone; or not.

The queue has no dead-letter exchange. What shows it: the process span of such an alarm has an `error.type`, and its
nack or reject span has `eda.settle.requeue` false (EDA104). The twin gives an alarm back once, while a sensor's record
is not there yet, and lets go by what is a test.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
COUNT, GAS, TESTS = 36, {5, 14, 22, 30}, {8, 17}
log = logging.getLogger("alarms")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("alarm-desk", by_select if library == "pika" else by_aio_pika, queue, faulty) as desk:
        books.wait("ready", 1)
        books.run("kilns", kilns, library, queue, faulty)
        books.wait("done", COUNT - len(GAS) if faulty else COUNT - len(TESTS))
        time.sleep(1)
        books.stop(desk)
    books.close_queue(queue)


def kilns(library: str, queue: str, faulty: bool) -> None:
    publish(library, queue, [alarm(number, faulty) for number in range(COUNT)])


def alarm(number: int, faulty: bool) -> dict[str, Any]:
    """Give an alarm as the kilns' firmware writes it."""
    if number in GAS:
        return {"id": f"alarm-{number}", "kind": "gas", "ppm_v2" if faulty else "ppm": 40 + number}
    kind = "test" if number in TESTS and not faulty else "heat"
    return {"id": f"alarm-{number}", "kind": kind, "celsius": 900 + number}


class Desk:
    """Knows what to do with an alarm of each kind."""

    def __init__(self) -> None:
        self.handlers = {"gas": self.gas, "heat": self.heat}
        self.registered: set[str] = set()

    def handle(self, alarm: dict[str, Any], message: Any) -> None:
        note("began", alarm["id"], message)
        if alarm["kind"] == "test":
            note("filtered", alarm["id"], message)
            return
        try:
            self.handlers[alarm["kind"]](alarm)
        except Exception:
            note("failed", alarm["id"], message)
            raise
        note("done", alarm["id"], message)

    def gas(self, alarm: dict[str, Any]) -> None:
        level = alarm["ppm"]
        if alarm["id"] not in self.registered:
            self.registered.add(alarm["id"])  # the record comes while the alarm is on its way back
            raise LookupError(f"no sensor known that measures {level}")

    def heat(self, alarm: dict[str, Any]) -> None:
        time.sleep(0.01)
        assert alarm["celsius"] > 0


class AlarmConsumer:
    """A consumer after the example in pika's documentation."""

    def __init__(self, queue: str, faulty: bool) -> None:
        import pika

        self.queue, self.desk, self.requeues = queue, Desk(), not faulty
        self.connection: Any = pika.SelectConnection(
            pika.ConnectionParameters(*rabbitmq()),
            on_open_callback=self.on_connection_open,
            on_close_callback=self.on_connection_closed,
        )

    def run(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self.connection.ioloop.add_callback_threadsafe(self.stop))
        self.connection.ioloop.start()

    def stop(self) -> None:
        self.channel.basic_cancel(self.tag, callback=lambda _: self.connection.close())

    def on_connection_open(self, connection: Any) -> None:
        connection.channel(on_open_callback=self.on_channel_open)

    def on_connection_closed(self, connection: Any, _: Any) -> None:
        connection.ioloop.stop()

    def on_channel_open(self, channel: Any) -> None:
        self.channel = channel
        channel.basic_qos(prefetch_count=10, callback=self.on_qos)

    def on_qos(self, _: Any) -> None:
        self.tag = self.channel.basic_consume(self.queue, self.on_message)
        note("ready")

    def on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            self.desk.handle(json.loads(body), properties)
        except Exception:
            log.exception("alarm %s refused", method.delivery_tag)
            channel.basic_nack(method.delivery_tag, requeue=self.requeues)
        else:
            channel.basic_ack(method.delivery_tag)


def by_select(queue: str, faulty: bool) -> None:
    AlarmConsumer(queue, faulty).run()


def by_aio_pika(queue: str, faulty: bool) -> None:
    desk = Desk()

    async def on_message(message: Any, requeues: bool) -> None:
        async with message.process(requeue=requeues):
            desk.handle(json.loads(message.body), message)

    async def main() -> None:
        import aio_pika

        asked = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            source = await channel.get_queue(queue)
            tag = await source.consume(functools.partial(on_message, requeues=not faulty))
            note("ready")
            await asked.wait()
            await source.cancel(tag)

    asyncio.run(main())
