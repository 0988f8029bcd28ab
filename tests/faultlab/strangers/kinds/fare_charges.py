"""A charging service acknowledges every tenth charge with those before it, and is killed: the rest is charged again.

Its twin acknowledges each charge, and is killed as well. Shown by: two process spans of such a message, both without an
error, the second one in the next process and with `eda.message.redelivered`, and no ack span that covers it in between
(EDA202).
"""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT, LAST, EVERY = 30, 16, 10


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    every = EVERY if faulty else 1
    books.run("gates", gates, library, queue)
    books.run("charging", charging, queue, every, LAST, status=KILLED)
    with books.serving("charging", charging, queue, every, 0):
        books.wait("done", COUNT + LAST % every)
        time.sleep(2)
    books.close_queue(queue)


def gates(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"fare-{n}", "card": f"c-{n % 8}", "cents": 290} for n in range(COUNT)])


class Charging:
    """Charges cards, and acknowledges now and then."""

    def __init__(self, every: int, last: int) -> None:
        self.every, self.last = every, last
        self.count = 0
        self.cents: dict[str, int] = {}

    def charge(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        fare = json.loads(body)
        note("began", fare["id"], properties)
        time.sleep(0.03)
        self.cents[fare["card"]] = self.cents.get(fare["card"], 0) + fare["cents"]
        self.count += 1
        note("done", fare["id"], properties)
        if self.count % self.every == 0:
            channel.basic_ack(method.delivery_tag, multiple=self.every > 1)


def charging(queue: str, every: int, last: int) -> None:
    stop, work, connection = Stop(), Charging(every, last), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=2 * EVERY)
    for method, properties, body in channel.consume(queue, inactivity_timeout=0.2):
        if method is not None:
            work.charge(channel, method, properties, body)
        if stop.asked or work.count == last:
            break
    if work.count == last:
        time.sleep(2)
        os.kill(os.getpid(), signal.SIGKILL)
    channel.cancel()
    connection.close()
