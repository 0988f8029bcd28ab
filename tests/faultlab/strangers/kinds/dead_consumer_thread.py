"""A consumer's thread dies while its process lives on, and nobody reads; or the health check has it started anew."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT = 80


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("webshop", webshop, queue) as shop:
        for _ in range(0 if faulty else 3):
            books.run("vouchers", vouchers, queue, True, status=1)  # and is started anew
        with books.running("vouchers", vouchers, queue, not faulty) as one:
            books.stage.finish(shop)
            books.wait("done", 20 if faulty else COUNT)
            time.sleep(1)
            books.stop(one)
    books.close_queue(queue)
    if faulty:
        books.note("must", code="EDA504", where={"within": queue})
        books.note("may", code="EDA107", most="LIKELY", where={"within": queue})


def webshop(queue: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for number in range(COUNT):
        note("sent", f"voucher-{number}", to=queue)
        body = json.dumps({"id": f"voucher-{number}", "value": 25})
        channel.basic_publish("", queue, body.encode(), pika.BasicProperties(delivery_mode=2))
        time.sleep(0.06)
    connection.close()


class Mailer:
    """Mails vouchers; the mail server is sometimes down for a moment."""

    def __init__(self) -> None:
        self.calls = 0

    def mail(self, voucher: dict[str, Any], message: Any) -> None:
        note("began", voucher["id"], message)
        self.calls += 1
        time.sleep(0.01)
        if self.calls == 21:
            note("failed", voucher["id"], message)
            raise ConnectionRefusedError("mail.internal:25")
        note("done", voucher["id"], message)


class Consumer(threading.Thread):
    """Consumes in the background, by pika's connection for event loops."""

    def __init__(self, queue: str, mailer: Mailer) -> None:
        super().__init__(name="consumer", daemon=True)
        self.queue, self.mailer = queue, mailer
        self.connection: Any = None

    def run(self) -> None:
        import pika

        host, port = rabbitmq()
        self.connection = pika.SelectConnection(
            pika.ConnectionParameters(host, port),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self.on_channel),
            on_close_callback=lambda *_: self.connection.ioloop.stop(),
        )
        self.connection.ioloop.start()

    def on_channel(self, channel: Any) -> None:
        channel.basic_qos(prefetch_count=5)
        channel.basic_consume(self.queue, self.on_message)

    def on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self.mailer.mail(json.loads(body), properties)
        channel.basic_ack(method.delivery_tag)

    def stop(self) -> None:
        if self.is_alive():
            self.connection.ioloop.add_callback_threadsafe(self.connection.close)
            self.join(5)


def vouchers(queue: str, checked: bool) -> None:
    stop, mailer = Stop(), Mailer()
    consumer = Consumer(queue, mailer)
    consumer.start()
    while not stop.asked:
        time.sleep(0.1)
        if checked and not consumer.is_alive():
            sys.exit(1)
    consumer.stop()
