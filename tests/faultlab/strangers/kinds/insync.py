"""A topic wants two replicas in step, and there is one: writes are refused; its twin asks the leader only."""

from __future__ import annotations

import json
import logging
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
    topic = books.topic(1, **{"min.insync.replicas": "2"})
    books.run("payments", {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library], topic, faulty)
    books.run("archive", archive, library, topic)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA101", where={"service": "payments", "destination": topic})


def payments() -> list[dict[str, Any]]:
    return [{"id": f"pay-{n}", "cents": n * 100} for n in range(12)]


def by_kafka_python(topic: str, strict: bool) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    producer = KafkaProducer(
        bootstrap_servers=kafka(), acks="all" if strict else 1, enable_idempotence=False, retries=1, retry_backoff_ms=50
    )
    for payment in payments():
        try:
            producer.send(topic, json.dumps(payment).encode(), payment["id"].encode()).get(10)
        except KafkaError as error:
            note("refused", payment["id"], to=topic)
            log.warning("%r", error)
    producer.close()


def by_confluent(topic: str, strict: bool) -> None:
    from confluent_kafka import Producer

    config = {"bootstrap.servers": kafka(), "acks": "all" if strict else 1, "message.timeout.ms": 3000}
    producer = Producer(config)
    for payment in payments():

        def on_delivery(error: Any, _: Any, payment: dict[str, Any] = payment) -> None:
            if error is not None:
                note("refused", payment["id"], to=topic)
                log.warning("%s", error)

        producer.produce(topic, json.dumps(payment), key=payment["id"], on_delivery=on_delivery)
    producer.flush(20)


def archive(library: str, topic: str) -> None:
    def keep(payment: dict[str, Any], message: Any) -> None:
        note("began", payment["id"], message, group=GROUP)
        note("done", payment["id"], message, group=GROUP)

    work(library, topic, GROUP, keep)
