"""A checkout waits for the broker 50 ms and then sends once more, to be sure; its twin waits on."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "charges"
log = logging.getLogger("checkout")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("checkout", checkout, topic, faulty)
    books.run("charges", charges, library, topic)
    books.close_topic(topic, GROUP)
    if faulty:
        # The telemetry shows two sends of one key, as two orders of one customer would be.
        books.note("must", code="EDA201", least="SUSPECT", where={"destination": topic})


def checkout(topic: str, faulty: bool) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaTimeoutError

    producer = KafkaProducer(bootstrap_servers=kafka(), linger_ms=5, acks="all")
    slow = KafkaProducer(bootstrap_servers=kafka(), linger_ms=300, acks="all")  # of the branch with the old settings
    for number in range(24):
        order: dict[str, Any] = {"id": f"order-{number}", "total": 10 + number}
        client = slow if number % 8 == 3 else producer
        note("sent", order["id"], to=topic)
        future = client.send(topic, json.dumps(order).encode(), key=order["id"].encode())
        try:
            future.get(timeout=0.05)
        except KafkaTimeoutError:
            log.warning("no answer for %s", order["id"])
            if faulty:
                note("sent", order["id"], to=topic)
                producer.send(topic, json.dumps(order).encode(), key=order["id"].encode()).get(timeout=10)
            else:
                future.get(timeout=10)
    for one in (producer, slow):
        one.flush()
        one.close()


def charges(library: str, topic: str) -> None:
    def charge(order: dict[str, Any], message: Any) -> None:
        note("began", order["id"], message, group=GROUP)
        note("done", order["id"], message, group=GROUP)

    work(library, topic, GROUP, charge)
