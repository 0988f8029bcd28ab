"""One service still runs its old image without telemetry: as a mirror that drops headers, or as one of two replicas."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import LIBRARIES as CLIENTS
from faultlab.strangers.kafka_house import kafka_python, publish, value, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = CLIENTS[:1]
OLD = {"OTEL_SDK_DISABLED": "true", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}


def play(books: Books, library: str, faulty: bool) -> None:
    (mirrored if faulty else replicated)(books, library)


def mirrored(books: Books, library: str) -> None:
    source, target = books.topic(1), books.topic(1)
    books.run("orders", orders, library, source)
    books.run("mirror", mirror, library, source, target, environ=OLD)
    books.run("billing", billing, library, target)
    books.note("may", code="EDA107", where={"destination": source})  # as far as anybody can see
    books.note("must", code="EDA701", least="SUSPECT", where={"destination": target})
    books.close_topic(source, "mirror")
    books.close_topic(target, "billing")


def replicated(books: Books, library: str) -> None:
    topic = books.topic(2)
    with (
        books.running("billing", billing, library, topic) as new,
        books.running("billing", billing, library, topic, environ=OLD) as old,
    ):
        books.wait("up", 2)
        books.run("orders", orders, library, topic)
        books.wait("done", 40)
        for program in (old, new):
            books.stop(program)
    books.close_topic(topic, "billing")
    books.note("may", code="EDA701", where={"destination": topic})


def orders(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"o-{n}", "customer": n % 7} for n in range(40)], "customer")


def mirror(library: str, source: str, target: str) -> None:
    from kafka import KafkaProducer

    from faultlab.strangers.books import kafka

    producer = KafkaProducer(bootstrap_servers=kafka())
    consumer = kafka_python(source, "mirror")
    for message in consumer:
        event = value(message)
        note("began", event["id"], message, group="mirror")
        producer.send(target, message.value, message.key).get(10)
        note("done", event["id"], message, group="mirror")
        consumer.commit()
    consumer.close()
    producer.close()


def billing(library: str, topic: str) -> None:
    def bill(order: dict[str, Any], message: Any) -> None:
        note("began", order["id"], message, group="billing", pid=os.getpid())
        note("done", order["id"], message, group="billing", pid=os.getpid())

    note("up")
    work(library, topic, "billing", bill)
