"""Operators rebuild a queue with other settings while its consumer is there: the broker cancels it, and nobody notices.

The queue was empty, so that nothing was lost. The service lives on, connected, and reads no more. The twin's operators
stop the service before, and start it after that.

Shown by: process spans of the queue's messages end, while confirmed sends to it go on for seconds (EDA504).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)  # aio-pika's robust consumers are there again
EACH = 30
log = logging.getLogger("lists")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("mailing-lists", service, queue) as old:
        books.run("crm", crm, queue, 0)
        books.wait("done", EACH)
        time.sleep(1)
        if not faulty:
            books.stop(old)
        books.run("operators", rebuild, queue)
        if faulty:
            books.run("crm", crm, queue, EACH)
            time.sleep(4)
            books.stop(old)
    if not faulty:
        with books.running("mailing-lists", service, queue) as new:
            books.run("crm", crm, queue, EACH)
            books.wait("done", 2 * EACH)
            books.stop(new)
    books.close_queue(queue)
    if faulty:
        assert books.count("done") == EACH
        assert books.stage.lab.rabbitmq.depth(queue) == EACH
        books.note("must", code="EDA504", where={"within": queue})
        books.note("may", code="EDA107", where={"within": queue})


def crm(queue: str, first: int) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for number in range(first, first + EACH):
        note("sent", f"subscriber-{number}", to=queue)
        body = json.dumps({"id": f"subscriber-{number}", "list": "news"})
        channel.basic_publish("", queue, body.encode(), pika.BasicProperties(delivery_mode=2))
        time.sleep(0.15)
    connection.close()


def rebuild(queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.queue_delete(queue, if_empty=True)
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    connection.close()


def subscribe(event: dict[str, Any], message: Any) -> None:
    note("began", event["id"], message)
    time.sleep(0.01)
    note("done", event["id"], message)


class Reader(threading.Thread):
    """Reads the queue in a thread beside the web server."""

    def __init__(self, queue: str) -> None:
        super().__init__(name="reader", daemon=True)
        self.queue = queue
        self.connection = connect()
        self.channel = self.connection.channel()

    def run(self) -> None:
        self.channel.basic_qos(prefetch_count=5)
        self.channel.basic_consume(self.queue, self.on_message)
        self.channel.start_consuming()
        log.info("the reader has ended")

    def on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        subscribe(json.loads(body), properties)
        channel.basic_ack(method.delivery_tag)

    def stop(self) -> None:
        if self.is_alive():
            self.connection.add_callback_threadsafe(self.channel.stop_consuming)
            self.join(10)
        self.connection.close()


def service(queue: str) -> None:
    stop, reader = Stop(), Reader(queue)
    reader.start()
    while not stop.asked:
        time.sleep(0.2)
    reader.stop()
