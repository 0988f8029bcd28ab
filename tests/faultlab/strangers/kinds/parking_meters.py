"""A reader of two topics ends its thread at any error, and one topic is not there; its twin goes on reading the other.

The process stays up, as its thread for health checks does. Shown by: the send spans to a topic of which nobody has a
process span (EDA107), while the reader's service tells of itself, with a log record (`ERROR`).
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP, COUNT = "tariff-engine", 40
log = logging.getLogger("tariffs")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.serving("tariff-engine", engine, topic, faulty):
        books.wait("complained", 1)
        books.run("meter-posts", posts, library, topic)
        if faulty:
            time.sleep(5)
        else:
            books.wait("done", COUNT)
            time.sleep(1)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("unread", to=topic)


def posts(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"ticket-{n}", "post": n % 9, "minutes": 30} for n in range(COUNT)], "post")


class Reader:
    """Reads what tariffs are charged by: tickets, and the city's overrides, if it has any."""

    def __init__(self, topics: list[str], strict: bool) -> None:
        from confluent_kafka import Consumer

        self.consumer = Consumer(
            {
                "bootstrap.servers": kafka(),
                "group.id": GROUP,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "client.id": "tariff-engine-1",
            }
        )
        self.consumer.subscribe(topics)
        self.strict, self.open = strict, True
        self.minutes = 0

    def run(self) -> None:
        while self.open:
            message = self.consumer.poll(0.5)
            if message is None:
                continue
            if (error := message.error()) is not None:
                log.error("cannot read: %s", error.str())
                note("complained")
                if self.strict:
                    break
                continue
            self.charge(message)
            self.consumer.commit(message=message, asynchronous=False)
        self.consumer.close()

    def charge(self, message: Any) -> None:
        ticket = value(message)
        note("began", ticket["id"], message, group=GROUP)
        self.minutes += ticket["minutes"]
        note("done", ticket["id"], message, group=GROUP)


def engine(topic: str, strict: bool) -> None:
    stop, reader = Stop(), Reader([topic, f"{topic}-overrides"], strict)
    thread = threading.Thread(target=reader.run, name="reader")
    thread.start()
    while not stop.asked:
        time.sleep(0.2)  # answers health checks
    reader.open = False
    thread.join()
