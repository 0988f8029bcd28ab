"""Green joins blue's group and takes over step by step, until blue is killed: charges are known, or made twice."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "charges"
EVERY = 16
log = logging.getLogger("charges")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(4)
    made = "" if faulty else str(books.stage.folder / "charges")
    with books.running("charges-blue", charge, topic, made) as blue:
        books.run("shop", shop, library, topic, 0, 60)
        books.wait("done", 60)
        with books.running("charges-green", charge, topic, made) as green:
            books.wait("joined", 2)
            books.run("shop", shop, library, topic, 60, 122)
            books.wait("done", 122)
            books.kill("charges-blue", blue)
            books.run("shop", shop, library, topic, 122, 140)
            books.wait("idle", 1, "charges-green")
            books.stop(green)
    books.close_topic(topic, GROUP)


def shop(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"order-{n}", "cents": 99} for n in range(first, last)])


class Charges:
    """Charges orders, and knows what it has charged if it has a folder for that."""

    def __init__(self, made: str) -> None:
        self.made = Path(made) if made else None
        if self.made:
            self.made.mkdir(exist_ok=True)

    def make(self, message: Any) -> None:
        order = value(message)
        note("began", order["id"], message, group=GROUP)
        if self.made and (self.made / order["id"]).exists():
            note("filtered", order["id"], message, group=GROUP)
            return
        time.sleep(0.01)
        if self.made:
            (self.made / order["id"]).touch()
        note("done", order["id"], message, group=GROUP)


def charge(topic: str, made: str) -> None:
    from confluent_kafka import Consumer, KafkaException

    from faultlab.strangers.books import kafka

    settings = {
        "bootstrap.servers": kafka(),
        "group.id": GROUP,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
        "partition.assignment.strategy": "cooperative-sticky",
    }
    stop, charges, consumer, done, empty = Stop(), Charges(made), Consumer(settings), 0, 0

    def on_revoke(revoked_of: Any, _: Any) -> None:
        try:
            revoked_of.commit(asynchronous=False)
        except KafkaException:
            log.debug("nothing to commit")

    consumer.subscribe([topic], on_assign=lambda *_: note("joined"), on_revoke=on_revoke)
    while not stop.asked:
        message = consumer.poll(0.2)
        empty = empty + 1 if message is None else 0
        if done > EVERY and empty == 50:
            note("idle")
        if message is None or message.error():
            continue
        charges.make(message)
        done += 1
        if done % EVERY == 0:
            consumer.commit(asynchronous=True)
    if done % EVERY:
        consumer.commit(asynchronous=False)
    consumer.close()
