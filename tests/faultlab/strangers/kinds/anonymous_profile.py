"""An API sends to a compacted topic without a key, and only flushes; or it sees the refusal and sends with another key.

A flush tells no errors. Shown by: the send spans of those events have `error.type`, as the broker refuses a record
without a key there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "recommendations"
COUNT = 20


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1, **{"cleanup.policy": "compact"})
    with books.serving("recommendations", recommendations, topic):
        books.wait("up", 1)
        books.run("profile-api", api, library, topic, faulty)
        for number in range(COUNT):
            if anonymous(number):
                books.note("refused", event=f"view-{number}", who="profile-api", to=topic)
        books.wait("done", sum(not (faulty and anonymous(number)) for number in range(COUNT)))
    books.close_topic(topic, GROUP)


def anonymous(number: int) -> bool:
    """Tell whether nobody had logged in."""
    return number % 4 == 3


def api(library: str, topic: str, faulty: bool) -> None:
    client: Any = Python(topic) if library == "kafka-python" else Confluent(topic)
    for number in range(COUNT):
        event = {"id": f"view-{number}", "page": f"/p/{number % 7}"}
        key = None if anonymous(number) else f"user-{number}".encode()
        note("sent", event["id"], to=topic)
        if faulty:
            client.send(event, key)
        elif not client.sent(event, key):
            client.send(event, f"session-{number}".encode())


class Python:
    """Sends with kafka-python."""

    def __init__(self, topic: str) -> None:
        from kafka import KafkaProducer

        self.topic = topic
        # With idempotence, which is newer than this service, one refusal would be the end of the producer.
        self.producer = KafkaProducer(
            bootstrap_servers=kafka(),
            enable_idempotence=False,
            value_serializer=lambda one: json.dumps(one).encode(),
        )

    def send(self, event: dict[str, Any], key: bytes | None) -> None:
        self.producer.send(self.topic, event, key=key)
        self.producer.flush()

    def sent(self, event: dict[str, Any], key: bytes | None) -> bool:
        from kafka.errors import KafkaError

        try:
            self.producer.send(self.topic, event, key=key).get(60)
        except KafkaError:
            return False
        return True


class Confluent:
    """Sends with confluent-kafka."""

    def __init__(self, topic: str) -> None:
        from confluent_kafka import Producer

        self.topic = topic
        self.producer = Producer({"bootstrap.servers": kafka()})

    def send(self, event: dict[str, Any], key: bytes | None) -> None:
        self.producer.produce(self.topic, json.dumps(event), key)
        self.producer.flush(60)

    def sent(self, event: dict[str, Any], key: bytes | None) -> bool:
        errors: list[Any] = []
        self.producer.produce(self.topic, json.dumps(event), key, on_delivery=lambda error, _: errors.append(error))
        self.producer.flush(60)
        return all(error is None for error in errors)


def recommendations(topic: str) -> None:
    stop = Stop()
    consumer = kafka_python(topic, GROUP, session_timeout_ms=20_000, consumer_timeout_ms=300)
    note("up")
    while not stop.asked:
        for record in consumer:
            name = value(record)["id"]
            note("began", name, record, group=GROUP)
            note("done", name, record, group=GROUP)
            consumer.commit()
    consumer.close()
