"""Somebody deletes a queue and makes it anew: the broker cancels its consumer, and the service does not notice.

The twin's service asks for what is in the queue anew when it is cancelled. Shown by: earlier sends to the queue have
process spans, later ones have none, and the service is heard of by its metrics all the time (EDA504).
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
FIRST, MORE = 20, 20


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("gates", gates, queue, not faulty):
        books.wait("listening", 1)
        books.run("airport", airport, library, queue, 0, FIRST)
        books.wait("done", FIRST)
        time.sleep(1)
        make_anew(books, queue)
        if not faulty:
            books.wait("listening", 2)
        books.run("airport", airport, library, queue, FIRST, FIRST + MORE)
        if not faulty:
            books.wait("done", FIRST + MORE)
        time.sleep(4)
    books.close_queue(queue)
    if faulty:
        assert books.count("done") == FIRST
        books.note("must", code="EDA504", where={"within": queue})


def make_anew(books: Books, queue: str) -> None:
    connection = books.stage.lab.rabbitmq._connect()
    channel = connection.channel()
    channel.queue_delete(queue)
    channel.queue_declare(queue, durable=True)
    connection.close()


def airport(library: str, queue: str, first: int, end: int) -> None:
    publish(library, queue, [{"id": f"lock-{n}", "gate": f"B{n % 9}", "open": n % 2 == 0} for n in range(first, end)])


def gates(queue: str, watchful: bool) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()
    locks: dict[str, bool] = {}

    def on_lock(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        lock = json.loads(body)
        note("began", lock["id"], properties)
        locks[lock["gate"]] = lock["open"]
        ch.basic_ack(method.delivery_tag)
        note("done", lock["id"], properties)

    def listen() -> None:
        channel.queue_declare(queue, durable=True)
        channel.basic_consume(queue, on_lock)
        note("listening")

    listen()
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
        if watchful and not channel.consumer_tags:
            listen()
    connection.close()
