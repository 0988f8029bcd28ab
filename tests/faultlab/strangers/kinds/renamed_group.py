"""A release renames its consumer group: the new one starts at the end of the topic, or reads all of it once more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
OLD, NEW = "invoices", "invoices-service"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("invoices", invoices, topic, OLD, "earliest") as first:
        books.run("orders", orders, library, topic, 0, 20)
        books.wait("done", 20)
        books.stop(first)
    books.run("orders", orders, library, topic, 20, 36)  # nobody is there: the release takes some time
    time.sleep(1)
    with books.running("invoices", invoices, topic, NEW, "latest" if faulty else "earliest") as second:
        books.wait("ready", 2)
        books.run("orders", orders, library, topic, 36, 60)
        books.wait("done", 44 if faulty else 80)
        books.stop(second)
    if faulty:
        books.close_topic(topic, OLD)  # what the new one has never seen is behind the old one's last commit
        books.note("must", code="EDA504", where={"group": OLD, "destination": topic})
    else:
        books.close_topic(topic, OLD, NEW)
        books.note("may", code="EDA504", where={"group": OLD, "destination": topic})


def orders(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"order-{n}", "cents": n} for n in range(first, last)])


def invoices(topic: str, group: str, reset: str) -> None:
    written: set[str] = set()  # as a table would have them, whose key is the order
    stop, consumer, turns = Stop(), confluent(topic, group, False, **{"auto.offset.reset": reset}), 0
    while not stop.asked:
        message = consumer.poll(0.3)
        turns += bool(consumer.assignment())
        if turns == 4:
            note("ready")
        if message is None or message.error():
            continue
        order = value(message)
        note("began", order["id"], message, group=group)
        written.add(order["id"])
        note("done", order["id"], message, group=group)
        consumer.commit(message, asynchronous=False)
    consumer.close()
