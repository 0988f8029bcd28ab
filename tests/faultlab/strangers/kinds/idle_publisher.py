"""A till's connection is closed by the broker at lunch: the next sale is logged and dropped, or sent once more."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
LUNCH = 4.5  # seconds
log = logging.getLogger("till")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("till", till, queue, faulty)
    books.run("stock", stock, library, queue)
    books.close_queue(queue)


class Sales:
    """Sends sales, over one connection for the life of the process."""

    def __init__(self, queue: str, tries: int) -> None:
        self.queue, self.tries = queue, tries
        self._channel: Any = None

    @property
    def channel(self) -> Any:
        import pika

        if self._channel is None:
            host, port = rabbitmq()
            connection = pika.BlockingConnection(pika.ConnectionParameters(host, port, heartbeat=1))
            self._channel = connection.channel()
            self._channel.confirm_delivery()
        return self._channel

    def send(self, sale: dict[str, Any]) -> bool:
        import pika
        from pika.exceptions import AMQPError

        for _ in range(self.tries):
            try:
                self.channel.basic_publish("", self.queue, json.dumps(sale).encode(), pika.BasicProperties())
            except AMQPError:
                log.exception("could not send %s", sale["id"])
                self._channel = None
            else:
                return True
        return False


def till(queue: str, faulty: bool) -> None:
    sales = Sales(queue, tries=1 if faulty else 3)
    for number in range(16):
        if number in {6, 11}:
            time.sleep(LUNCH)
        sent = sales.send({"id": f"sale-{number}", "article": number})
        note("sent" if sent else "refused", f"sale-{number}", to=queue)
        time.sleep(0.05)
    if not faulty:
        note("may", code="EDA101", most="CONFIRMED", where={"service": "till"})


def stock(library: str, queue: str) -> None:
    def book(sale: dict[str, Any], message: Any) -> str:
        note("began", sale["id"], message)
        note("done", sale["id"], message)
        return "ack"

    work(library, queue, book)
