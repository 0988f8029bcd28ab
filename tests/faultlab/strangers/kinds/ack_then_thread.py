"""Each order gets a thread: it is acknowledged when that has begun, or when it is through."""

from __future__ import annotations

import json
import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("kitchen", kitchen, queue, faulty) as one:
        books.run("counter", counter, library, queue)
        books.wait("done", 27 if faulty else 30)
        books.stop(one)
    books.close_queue(queue)


def counter(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"order-{n}", "dish": "soup" if n % 10 == 4 else "salad"} for n in range(30)])


class Stove:
    """Cooks; the gas is off at the first soup of each, which the sound kitchen lights again."""

    def __init__(self, lights: bool) -> None:
        self.lights = lights

    def cook(self, order: dict[str, Any], properties: Any) -> None:
        note("began", order["id"], properties)
        time.sleep(0.03)
        if order["dish"] == "soup" and not self.lights:
            note("failed", order["id"], properties)
            raise RuntimeError("no gas")
        note("done", order["id"], properties)


def kitchen(queue: str, faulty: bool) -> None:
    connection, stove = connect(), Stove(lights=not faulty)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=5)

    def work(tag: int, properties: Any, body: bytes) -> None:
        stove.cook(json.loads(body), properties)
        if not faulty:
            connection.add_callback_threadsafe(partial(channel.basic_ack, tag))

    def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        threading.Thread(target=work, args=(method.delivery_tag, properties, body)).start()
        if faulty:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_message)
    signal.signal(signal.SIGTERM, lambda *_: connection.add_callback_threadsafe(channel.stop_consuming))
    channel.start_consuming()
    time.sleep(0.2)
    connection.process_data_events(0)
    connection.close()
