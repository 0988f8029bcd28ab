"""A decorator tries a whole checkout again, which has already sent its event; its twin tries only the payment again.

What shows it: two send spans with one `messaging.message.id` to one queue, both taken, and a process span of each. In
the twin each event goes to two queues by one id, as both of their readers are to have it.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT, SLOW = 30, {8, 19}
log = logging.getLogger("checkout")


def play(books: Books, library: str, faulty: bool) -> None:
    stock, parcels = books.queue(), books.queue()
    with books.serving("stock", reader, stock), books.serving("parcels", reader, parcels):
        books.wait("ready", 2)
        books.run("checkout", checkout, stock, parcels, faulty)
        books.wait("done", COUNT + len(SLOW) if faulty else COUNT, "stock")
        books.wait("done", COUNT, "parcels")
    books.close_queue(stock)
    books.close_queue(parcels)
    if faulty:
        books.note("must", code="EDA201", least="SUSPECT", where={"within": stock})
    books.note("may", code="EDA501", where={})  # by the second, as RabbitMQ's times are


def retried(times: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Have a function called again when the network fails it."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def call(*arguments: Any) -> None:
            for attempt in range(1, times):
                try:
                    return function(*arguments)
                except ConnectionError as error:
                    log.warning("attempt %s: %s", attempt, error)
                    time.sleep(0.05)
            return function(*arguments)

        return call

    return decorate


class Checkout:
    """Reserves stock, takes the money, and has the parcel packed."""

    def __init__(self, stock: str, parcels: str) -> None:
        self.stock, self.parcels = stock, parcels
        self.connection = connect()
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.called: set[str] = set()

    def send(self, queue: str, order: dict[str, Any]) -> None:
        import pika

        note("sent", order["id"], to=queue)
        properties = pika.BasicProperties(message_id=order["id"], type="order.placed", delivery_mode=2)
        self.channel.basic_publish("", queue, json.dumps(order).encode(), properties)

    def charge(self, order: dict[str, Any]) -> None:
        first = order["id"] not in self.called
        self.called.add(order["id"])
        if first and order["slow"]:
            raise ConnectionError("pay.example does not answer")

    @retried(3)
    def place(self, order: dict[str, Any]) -> None:
        self.send(self.stock, order)
        self.charge(order)
        self.send(self.parcels, order)

    def place_well(self, order: dict[str, Any]) -> None:
        self.send(self.stock, order)
        retried(3)(self.charge)(order)
        self.send(self.parcels, order)


def checkout(stock: str, parcels: str, faulty: bool) -> None:
    shop = Checkout(stock, parcels)
    place = shop.place if faulty else shop.place_well
    for number in range(COUNT):
        place({"id": f"order-{number}", "slow": number in SLOW})
    shop.connection.close()


def reader(queue: str) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=5)

    def on_order(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        order = json.loads(body)
        note("began", order["id"], properties)
        note("done", order["id"], properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_order)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()
