"""An asynchronous worker dies of one message at each start; its twin is told to end, and started anew, as often."""

from __future__ import annotations

import functools
import json
import os
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("camera", camera, library, queue)
    for _ in range(4):
        books.run("plates", plates, queue, faulty)
    books.close_queue(queue)


def camera(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"plate-{n}", "text": None if n == 30 else f"AB{n}"} for n in range(60)])


class Plates:
    """Reads plates, by a connection that calls back."""

    def __init__(self, queue: str, faulty: bool) -> None:
        import pika

        self.queue, self.faulty, self.count = queue, faulty, 0
        host, port = rabbitmq()
        parameters = pika.ConnectionParameters(host, port)
        self.connection: Any = pika.SelectConnection(
            parameters, on_open_callback=self.opened, on_close_callback=lambda *_: self.connection.ioloop.stop()
        )
        signal.signal(signal.SIGTERM, lambda *_: self.connection.ioloop.add_callback_threadsafe(self.stop))

    def run(self) -> None:
        self.connection.ioloop.start()

    def stop(self) -> None:
        if self.connection.is_open:
            self.connection.close()

    def opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self.start)

    def start(self, channel: Any) -> None:
        channel.basic_qos(prefetch_count=3, callback=functools.partial(self.consume, channel))

    def consume(self, channel: Any, _: Any) -> None:
        channel.basic_consume(self.queue, self.on_plate)

    def on_plate(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        plate = json.loads(body)
        note("began", plate["id"], properties)
        if self.faulty and plate["text"] is None:
            note("failed", plate["id"], properties)
        text = plate["text"] if self.faulty else plate["text"] or ""
        text.upper()
        note("done", plate["id"], properties)
        channel.basic_ack(method.delivery_tag)
        self.count += 1
        if not self.faulty and self.count == 10:
            os.kill(os.getpid(), signal.SIGTERM)  # as the next deploy does


def plates(queue: str, faulty: bool) -> None:
    Plates(queue, faulty).run()
