"""A kiosk's settings have a placeholder that nobody filled in, as the name of a topic: it only counts what is refused.

Its twin sends it to another topic. Shown by: the send spans to that topic, each with the error that there is none of
that name, and `messaging.client.sent.messages` with an `error.type` (EDA101).
"""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import value, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
PRINTS, BILLS, COUNT = "print-shop", "billing-desk", 16
SETTINGS = {"bills": "${STAGE}.kiosk.bills"}
log = logging.getLogger("kiosk")


def play(books: Books, library: str, faulty: bool) -> None:
    prints, late = books.topic(1), books.topic(1)
    books.run("kiosk", kiosk, library, prints, "" if faulty else late)
    books.run("print-shop", desk, library, prints, PRINTS)
    books.close_topic(prints, PRINTS)
    if not faulty:
        books.run("billing-desk", desk, library, late, BILLS)
        books.close_topic(late, BILLS)


class Uplink:
    """The kiosk's way to its headquarters: nothing in it may hold up a customer."""

    def __init__(self, library: str) -> None:
        make = {"kafka-python": _by_kafka_python, "confluent-kafka": _by_confluent}[library]
        self._send, self.flush = make()
        self.lock = threading.Lock()
        self.missed: list[dict[str, Any]] = []

    def push(self, topic: str, event: dict[str, Any]) -> None:
        note("sent", event["id"], to=topic)

        def on_error(reason: object) -> None:
            note("refused", event["id"], to=topic)
            with self.lock:
                self.missed.append(event)
            log.debug("not uploaded: %s", reason)

        try:
            self._send(topic, json.dumps(event).encode(), on_error)
        except Exception as error:
            on_error(error)


def _by_kafka_python() -> tuple[Callable[..., None], Callable[[], None]]:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), client_id="kiosk-12")

    def send(topic: str, body: bytes, on_error: Callable[[object], None]) -> None:
        producer.send(topic, body).add_errback(on_error)

    def flush() -> None:
        producer.flush()

    return send, flush


def _by_confluent() -> tuple[Callable[..., None], Callable[[], None]]:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "client.id": "kiosk-12"})

    def send(topic: str, body: bytes, on_error: Callable[[object], None]) -> None:
        def report(error: Any, _: Any) -> None:
            if error is not None:
                on_error(error)

        producer.produce(topic, body, on_delivery=report)
        producer.poll(0)

    def flush() -> None:
        while producer.flush(5):
            pass

    return send, flush


def kiosk(library: str, prints: str, otherwise: str) -> None:
    uplink = Uplink(library)
    for number in range(COUNT):
        uplink.push(prints, {"id": f"print-{number}", "size": "10x15"})
        uplink.push(SETTINGS["bills"], {"id": f"bill-{number}", "cents": 129})
    uplink.flush()
    if otherwise:
        for event in uplink.missed:
            uplink.push(otherwise, event)
        uplink.flush()


def desk(library: str, topic: str, group: str) -> None:
    def on_event(_: dict[str, Any], message: Any) -> None:
        event = value(message)
        note("began", event["id"], message, group=group)
        note("done", event["id"], message, group=group)

    work(library, topic, group, on_event)
