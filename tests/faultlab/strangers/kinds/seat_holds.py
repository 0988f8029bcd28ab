"""Holds of seats expire after a second and a half, without a dead-letter exchange, while their only reader is deployed.

In the twin they expire after two minutes, so that they wait for it. Shown by: confirmed send spans to the queue, of
which nobody has a process span, while holds before and after them have one in the same queue (EDA104, a SUSPECT).
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from support.waiting import until

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
BATCH = 12


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    for_ = "1500" if faulty else "120000"
    with books.serving("seat-map", seat_map, queue):
        books.run("box-office", box_office, library, queue, 0, "120000")
        books.wait("done", BATCH)
        time.sleep(1)
    books.run("box-office", box_office, library, queue, BATCH, for_)
    if faulty:
        until(lambda: books.stage.lab.rabbitmq.depth(queue) == 0, "no holds", 60)
        books.note("may", code="EDA504", where={"within": queue})  # there was no reader for a while
    with books.serving("seat-map", seat_map, queue):
        books.run("box-office", box_office, library, queue, 2 * BATCH, "120000")
        books.wait("done", 2 * BATCH if faulty else 3 * BATCH)
        time.sleep(2)
    books.close_queue(queue)


def box_office(library: str, queue: str, first: int, milliseconds: str) -> None:
    holds = [{"id": f"hold-{n}", "seat": f"R{n}"} for n in range(first, first + BATCH)]
    publish(library, queue, holds, expiration=milliseconds)


def seat_map(queue: str) -> None:
    stop, held, connection = Stop(), set(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=3)

    def on_hold(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        hold = json.loads(body)
        note("began", hold["id"], properties)
        held.add(hold["seat"])
        ch.basic_ack(method.delivery_tag)
        note("done", hold["id"], properties)

    channel.basic_consume(queue, on_hold)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()
