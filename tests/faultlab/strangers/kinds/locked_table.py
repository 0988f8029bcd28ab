"""A retry decorator is around all of a handler, so that its first effect is repeated; or around what can fail alone.

Shown by: the process span of the order has two send spans below it with one `messaging.message.id`, to one
destination; the charges are at two offsets, and both are processed.
"""

from __future__ import annotations

import functools
import json
import logging
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books
    from faultlab.strangers.kafka_house import Handler

LIBRARIES = ("kafka-python", "confluent-kafka")
CHECKOUT, CARDS = "checkout", "card-charges"
MORE: dict[str, Any] = {"session.timeout.ms": 20_000}
COUNT, LOCKED = 24, {"o-5", "o-11", "o-18"}
R = TypeVar("R")
log = logging.getLogger("checkout")


def play(books: Books, library: str, faulty: bool) -> None:
    orders, charges, file = books.topic(1), books.topic(2), str(books.file.with_suffix(".db"))
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, state TEXT)")
    books.run("shop", shop, library, orders)
    with books.running(CHECKOUT, checkout, library, orders, charges, file, faulty) as orderly:
        books.wait("done", COUNT, CHECKOUT)
        books.stop(orderly)
    with books.running(CARDS, cards, library, charges) as charged:
        books.wait("done", COUNT + (len(LOCKED) if faulty else 0), CARDS)
        books.stop(charged)
    books.close_topic(orders, CHECKOUT)
    books.close_topic(charges, CARDS)
    if faulty:
        books.note("must", code="EDA201", where={"destination": charges})


def shop(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"o-{n}", "card": f"card-{n % 5}", "cents": 100 * n} for n in range(COUNT)])


def retrying(times: int) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Call a function again that the database refuses."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(function)
        def wrapped(*args: Any) -> R:
            for attempt in range(1, times):
                try:
                    return function(*args)
                except sqlite3.OperationalError as error:
                    log.warning("attempt %d of %s: %s", attempt, function.__name__, error)
                    time.sleep(0.05)
            return function(*args)

        return wrapped

    return decorate


class Checkout:
    """Charges an order's card, and notes that it has."""

    def __init__(self, charge: Callable[[str, str, int], None], file: str) -> None:
        self.charge, self.file = charge, file
        self.locked = set(LOCKED)

    def save(self, name: str) -> None:
        if name in self.locked:
            self.locked.remove(name)  # the nightly report is through by the next attempt
            raise sqlite3.OperationalError("database is locked")
        with closing(sqlite3.connect(self.file)) as db, db:
            db.execute("INSERT INTO orders VALUES (?, 'charged')", [name])

    @retrying(4)
    def careless(self, order: dict[str, Any]) -> None:
        self.charge(order["id"], order["card"], order["cents"])
        self.save(order["id"])

    def careful(self, order: dict[str, Any]) -> None:
        retrying(4)(self.save)(order["id"])
        self.charge(order["id"], order["card"], order["cents"])


def checkout(library: str, orders: str, charges: str, file: str, faulty: bool) -> None:
    charge, close = (charging_kafka_python if library == "kafka-python" else charging_confluent)(charges)
    house = Checkout(charge, file)
    handler = house.careless if faulty else house.careful

    def handle(order: dict[str, Any], message: Any) -> None:
        note("began", order["id"], message, group=CHECKOUT)
        handler(order)
        note("done", order["id"], message, group=CHECKOUT)

    read(library, orders, CHECKOUT, handle)
    close()


def read(library: str, topic: str, group: str, handle: Handler) -> None:
    stop = Stop()
    if library == "kafka-python":
        consumer = kafka_python(topic, group, session_timeout_ms=20_000, consumer_timeout_ms=1000)
        while not stop.asked:
            for record in consumer:
                handle(value(record), record)
                consumer.commit()
    else:
        consumer = confluent(topic, group, **MORE)
        while not stop.asked:
            message = consumer.poll(0.3)
            if message is not None and message.error() is None:
                handle(value(message), message)
                consumer.commit(message, asynchronous=False)
    consumer.close()


def event(topic: str, order: str, cents: int) -> bytes:
    note("sent", f"charge-{order}", to=topic)
    return json.dumps({"id": f"charge-{order}", "cents": cents}).encode()


def charging_kafka_python(topic: str) -> tuple[Callable[[str, str, int], None], Callable[[], object]]:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka())

    def charge(order: str, card: str, cents: int) -> None:
        headers = [("message-id", f"charge-{order}".encode())]
        producer.send(topic, event(topic, order, cents), card.encode(), headers).get(30)

    return charge, producer.close


def charging_confluent(topic: str) -> tuple[Callable[[str, str, int], None], Callable[[], object]]:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})

    def charge(order: str, card: str, cents: int) -> None:
        producer.produce(topic, event(topic, order, cents), card, headers={"message-id": f"charge-{order}"})
        producer.flush(30)

    return charge, lambda: producer.flush(30)


def cards(library: str, topic: str) -> None:
    def take(charge: dict[str, Any], message: Any) -> None:
        note("began", charge["id"], message, group=CARDS)
        note("done", charge["id"], message, group=CARDS)

    read(library, topic, CARDS, take)
