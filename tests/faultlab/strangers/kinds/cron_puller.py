"""A job that cron starts pulls what there is, and ends at its deadline: the rest is forgotten, or given back."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT, DEADLINE = 50, 1.0


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("billing", billing, library, queue)
    for _ in range(4):
        books.run("dunning", dunning, queue, faulty)
    books.close_queue(queue)


def billing(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"reminder-{n}", "invoice": n} for n in range(COUNT)])


def dunning(queue: str, faulty: bool) -> None:
    connection = connect()
    channel = connection.channel()
    pulled: list[Any] = []
    while len(pulled) < 16:
        method, properties, body = channel.basic_get(queue, auto_ack=faulty)
        if method is None:
            break
        pulled.append((method, properties, json.loads(body)))
    started = time.monotonic()
    for method, properties, reminder in pulled:
        if time.monotonic() - started > DEADLINE:
            if not faulty:
                channel.basic_nack(method.delivery_tag)
            continue
        note("began", reminder["id"], properties)
        time.sleep(0.02 if reminder["invoice"] < 40 else 0.4)  # the postal service prints some of them
        note("done", reminder["id"], properties)
        if not faulty:
            channel.basic_ack(method.delivery_tag)
    connection.close()
