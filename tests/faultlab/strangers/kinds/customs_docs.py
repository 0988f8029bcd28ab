"""What cannot be read goes to a dead-letter topic, for which it is too large with its envelope; its twin can read it.

The framework logs that and goes on. Shown by: the send span to the dead-letter topic, which has the client's error
(EDA101), the log record (`ERROR`) within the process span of the document, and the commit behind it (EDA104).
"""

from __future__ import annotations

import base64
import json
import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP, COUNT, SCANNED = "customs-docs", 24, {4, 11, 18}
log = logging.getLogger("intake")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, dead = books.topic(1), books.topic(1)
    books.run("freight", freight, topic)
    with books.serving("customs-docs", intake, library, topic, dead, faulty):
        books.wait("through", COUNT)
    books.close_topic(topic, GROUP)
    books.close_topic(dead)


def freight(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "message.max.bytes": 990_000})
    for number in range(COUNT):
        scan = {"encoding": "latin-9", "pages": "\u20ac" * 140_000} if number in SCANNED else {"encoding": "utf-8"}
        note("sent", f"doc-{number}", to=topic)
        producer.produce(topic, json.dumps({"id": f"doc-{number}", "weight": number, **scan}), key=f"doc-{number}")
        producer.poll(0)
    producer.flush()


@dataclass
class Intake:
    """Reads documents, and sets aside what it cannot read."""

    consumer: Any
    send: Callable[[str, bytes], None]
    dead: str
    strict: bool

    def handle(self, message: Any, raw: bytes) -> None:
        document = json.loads(raw)
        name = document["id"]
        note("began", name, message, group=GROUP)
        try:
            self.declare(document)
        except Exception:
            note("failed", name, message, group=GROUP)
            self.bury(name, message, raw)
        else:
            note("done", name, message, group=GROUP)

    def declare(self, document: dict[str, Any]) -> None:
        if document["encoding"] != "utf-8":
            if self.strict:
                raise UnicodeError(f"cannot read {document['encoding']}")
            log.warning("%s is read by its second codec", document["id"])
            document["pages"].encode("iso8859-15")

    def bury(self, name: str, message: Any, raw: bytes) -> None:
        envelope = {"id": name, "why": traceback.format_exc(), "original": base64.b64encode(raw).decode()}
        note("sent", f"dead-{name}", to=self.dead)
        try:
            self.send(self.dead, json.dumps(envelope).encode())
        except Exception:
            note("refused", f"dead-{name}", to=self.dead)
            log.exception("no dead letter for %s", name)
            note("logged", name, message, group=GROUP)


def intake(library: str, topic: str, dead: str, strict: bool) -> None:
    {"confluent-kafka": by_confluent, "kafka-python": by_kafka_python}[library](topic, dead, strict)


def by_confluent(topic: str, dead: str, strict: bool) -> None:
    from confluent_kafka import Consumer, KafkaException, Producer

    stop, producer = Stop(), Producer({"bootstrap.servers": kafka()})

    def send(to: str, body: bytes) -> None:
        failed: list[Any] = []
        producer.produce(to, body, on_delivery=lambda error, _: failed.append(error) if error else None)
        producer.flush()
        if failed:
            raise KafkaException(failed[0])

    config = {"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"}
    consumer = Consumer({**config, "enable.auto.commit": False})
    consumer.subscribe([topic])
    house = Intake(consumer, send, dead, strict)
    while not stop.asked:
        message = consumer.poll(0.5)
        if message is None or message.error():
            continue
        house.handle(message, message.value() or b"")
        consumer.commit(message=message, asynchronous=False)
        note("through")
    consumer.close()


def by_kafka_python(topic: str, dead: str, strict: bool) -> None:
    from kafka import KafkaConsumer, KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka())

    def send(to: str, body: bytes) -> None:
        producer.send(to, body).get(timeout=30)

    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka(), group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    house, stop = Intake(consumer, send, dead, strict), Stop()
    while not stop.asked:
        for records in consumer.poll(timeout_ms=500, max_records=4).values():
            for record in records:
                house.handle(record, record.value)
                consumer.commit()
                note("through")
    producer.close()
    consumer.close()
