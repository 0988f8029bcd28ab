"""Somebody deletes a queue and makes it anew: its reader's consumer is cancelled, and waits for ever; or begins anew.

Shown by: the last process span of the queue, and sends after it that nobody receives, while the reader's service lives
on (EDA504).
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
BEFORE, AFTER = 30, 40


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("gate-log", gate_log, queue, not faulty):
        books.wait("consuming", 1)
        books.run("turnstiles", turnstiles, library, queue, 0, BEFORE)
        books.wait("done", BEFORE)
        make_anew(books, queue)
        if faulty:
            time.sleep(1)
        else:
            books.wait("consuming", 2)
        books.run("turnstiles", turnstiles, library, queue, BEFORE, BEFORE + AFTER)
        if faulty:
            time.sleep(4)
        else:
            books.wait("done", BEFORE + AFTER)
    books.close_queue(queue)
    if faulty:
        books.note("must", code="EDA504", where={"within": queue})
        books.note("may", code="EDA107", where={"within": queue})


def make_anew(books: Books, queue: str) -> None:
    """Give the queue other arguments, for which it has to be deleted."""
    connection = books.stage.lab.rabbitmq._connect()
    channel = connection.channel()
    channel.queue_delete(queue)
    channel.queue_declare(queue, durable=True, arguments={"x-max-priority": 5})
    connection.close()


def turnstiles(library: str, queue: str, first: int, end: int) -> None:
    publish(library, queue, [{"id": f"gate-{n}", "badge": n % 11} for n in range(first, end)])


class Listener(threading.Thread):
    """Listens to one queue in a thread, as the house's base class does for all of its services."""

    def __init__(self, queue: str, robust: bool) -> None:
        super().__init__(name=f"listener-{queue}")
        self.queue, self.robust, self.open = queue, robust, True
        self.lost = threading.Event()
        self.badges: dict[int, int] = {}

    def run(self) -> None:
        self.connection = connect()
        self.channel = self.connection.channel()
        self.channel.basic_qos(prefetch_count=8)
        if self.robust:
            self.channel.add_on_cancel_callback(lambda _: self.lost.set())
        self.consume()
        while self.open:
            self.connection.process_data_events(time_limit=0.2)
            if self.lost.is_set() and self.queue_is_there():
                self.lost.clear()
                self.consume()
        self.connection.close()

    def queue_is_there(self) -> bool:
        from pika.exceptions import ChannelClosedByBroker

        asking = self.connection.channel()
        try:
            asking.queue_declare(self.queue, passive=True)
        except ChannelClosedByBroker:
            return False
        asking.close()
        return True

    def consume(self) -> None:
        self.channel.basic_consume(self.queue, self.on_event)
        note("consuming")

    def on_event(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        event = json.loads(body)
        note("began", event["id"], properties)
        self.badges[event["badge"]] = self.badges.get(event["badge"], 0) + 1
        time.sleep(0.003)
        note("done", event["id"], properties)
        channel.basic_ack(method.delivery_tag)


def gate_log(queue: str, robust: bool) -> None:
    stop, listener = Stop(), Listener(queue, robust)
    listener.start()
    while not stop.asked:
        time.sleep(0.1)
    listener.open = False
    listener.join()
