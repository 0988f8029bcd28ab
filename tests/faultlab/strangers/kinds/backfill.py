"""Old payments are sent with their own time, which is too old for the topic, and so refused; or with today's."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "archive"
log = logging.getLogger("payments")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1, **{"message.timestamp.before.max.ms": "3600000"})
    books.run("payments", {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library], topic, faulty)
    books.run("archive", archive, library, topic)
    books.close_topic(topic, GROUP)


def payments() -> list[dict[str, Any]]:
    now = int(time.time() * 1000)
    return [{"id": f"pay-{n}", "cents": n * 100, "at": now - (n % 4) * 1_500_000} for n in range(12)]


def by_kafka_python(topic: str, own_time: bool) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    producer = KafkaProducer(bootstrap_servers=kafka())
    for payment in payments():
        try:
            at = payment["at"] if own_time else None
            producer.send(topic, json.dumps(payment).encode(), payment["id"].encode(), timestamp_ms=at).get(10)
        except KafkaError as error:
            note("refused", payment["id"], to=topic)
            log.warning("%r", error)
    producer.close()


def by_confluent(topic: str, own_time: bool) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for payment in payments():

        def on_delivery(error: Any, _: Any, payment: dict[str, Any] = payment) -> None:
            if error is not None:
                note("refused", payment["id"], to=topic)
                log.warning("%s", error)

        at = payment["at"] if own_time else 0
        producer.produce(topic, json.dumps(payment), key=payment["id"], timestamp=at, on_delivery=on_delivery)
    producer.flush(20)


def archive(library: str, topic: str) -> None:
    def keep(payment: dict[str, Any], message: Any) -> None:
        note("began", payment["id"], message, group=GROUP)
        note("done", payment["id"], message, group=GROUP)

    work(library, topic, GROUP, keep)
