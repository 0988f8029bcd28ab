"""A hospital's pager asks to have back what no queue takes, and logs it: a ward has another name than its binding has.

Its twin sends such a page to the night desk in its place. Shown by: the send spans with that routing key have the
client's error for a message that came back (EDA106); those of the twin are followed by one of the same message id.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
WARDS = ("icu", "cardiology", "icu", "Neurology", "cardiology")
COUNT = 25
BACK = COUNT // len(WARDS)
log = logging.getLogger("pager")


def play(books: Books, library: str, faulty: bool) -> None:  # there is one library
    beds, desk = books.queue(), books.queue()
    lab = books.stage.lab.rabbitmq
    exchange = lab.exchange("direct", [beds], "icu")
    bind(lab, {"cardiology": beds, "neurology": beds, "night-desk": desk}, exchange)
    with books.serving("beeper", beeper, beds), books.serving("night-desk", beeper, desk):
        books.wait("ready", 2)
        books.run("pager", pager, exchange, "" if faulty else "night-desk")
        books.wait("done", COUNT - BACK if faulty else COUNT)
        time.sleep(2)
    books.close_queue(beds)
    books.close_queue(desk)
    if not faulty:
        books.note("may", code="EDA106", where={"service": "pager"})  # the first attempt did come back


def bind(lab: Any, keys: dict[str, str], exchange: str) -> None:
    connection = lab._connect()
    channel = connection.channel()
    for key, queue in keys.items():
        channel.queue_bind(queue, exchange, key)
    connection.close()


class Pager:
    """Pages wards, by their names."""

    def __init__(self, exchange: str, instead: str) -> None:
        self.exchange, self.instead = exchange, instead
        self.connection = connect()
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def page(self, ward: str, call: dict[str, Any]) -> None:
        from pika.exceptions import UnroutableError

        try:
            self.publish(ward, call)
        except UnroutableError:
            if self.instead:
                self.publish(self.instead, call)
                return
            note("returned", call["id"], to=self.exchange)
            log.exception("nobody is at %s", ward)

    def publish(self, key: str, call: dict[str, Any]) -> None:
        import pika

        props = pika.BasicProperties(message_id=call["id"], content_type="application/json")
        self.channel.basic_publish(self.exchange, key, json.dumps(call).encode(), props, mandatory=True)


def pager(exchange: str, instead: str) -> None:
    made = Pager(exchange, instead)
    for number in range(COUNT):
        ward = WARDS[number % len(WARDS)]
        made.page(ward, {"id": f"page-{number}", "ward": ward, "bed": number % 12})
        time.sleep(0.02)
    made.connection.close()


def beeper(queue: str) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()

    def on_page(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        call = json.loads(body)
        note("began", call["id"], properties)
        ch.basic_ack(method.delivery_tag)
        note("done", call["id"], properties)

    channel.basic_consume(queue, on_page)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()
