"""Refunds are acknowledged twice, for which the broker closes the channel, and others are paid twice; or only once."""

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT = 40
log = logging.getLogger("payments")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("cashier", cashier, library, queue)
    with books.running("payments", payments, queue, faulty) as one:
        books.wait("done", COUNT)
        time.sleep(3)
        books.stop(one)
    books.close_queue(queue)
    if faulty:
        books.note("may", code="EDA203", most="LIKELY", where={"service": "payments"})


def cashier(library: str, queue: str) -> None:
    kinds = ["refund" if number in {10, 25} else "payment" for number in range(COUNT)]
    publish(library, queue, [{"id": f"{kind}-{n}", "kind": kind, "cents": 100 * n} for n, kind in enumerate(kinds)])


class Delivery:
    """One message in a worker's thread, which the connection's thread has to acknowledge."""

    def __init__(self, connection: Any, channel: Any, tag: int, once: bool) -> None:
        self.connection, self.channel, self.tag, self.once = connection, channel, tag, once
        self.acked = False

    def ack(self) -> None:
        if self.once and self.acked:
            return
        self.acked = True
        self.connection.add_callback_threadsafe(lambda: self.channel.basic_ack(self.tag))


class Payments:
    """What the threads do."""

    def pay(self, order: dict[str, Any], properties: Any, delivery: Delivery) -> None:
        note("began", order["id"], properties)
        if order["kind"] == "refund":
            delivery.ack()  # the bank takes its time over refunds
            time.sleep(0.1)
        time.sleep(0.1)
        note("done", order["id"], properties)
        delivery.ack()


def serve(queue: str, stop: Stop, once: bool) -> None:
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=4)
    handler = Payments()
    with ThreadPoolExecutor(4) as pool:

        def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
            delivery = Delivery(connection, ch, method.delivery_tag, once)
            pool.submit(handler.pay, json.loads(body), properties, delivery)

        channel.basic_consume(queue, on_message)
        while not stop.asked:
            connection.process_data_events(0.1)
            if channel.is_closed:
                raise ConnectionError("the channel is closed")
        connection.close()


def payments(queue: str, faulty: bool) -> None:
    from pika.exceptions import AMQPError

    stop = Stop()
    while not stop.asked:
        try:
            serve(queue, stop, once=not faulty)
        except (AMQPError, ConnectionError):
            log.exception("starting anew")
            time.sleep(0.2)
