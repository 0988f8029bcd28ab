"""The broker cannot be reached for a while: readings whose delivery then times out are only counted; or it waits on.

Shown by: the send spans of those readings have an `error.type`, and so have they in `messaging.client.sent.messages`.
Nothing is logged above DEBUG.
"""

from __future__ import annotations

import json
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from brokers.kafka import Kafka
from brokers.service import HOST, private

from faultlab import kafka as programs
from faultlab.proxy import Proxy, proxy
from faultlab.stage import Lab, LabKafka
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "meter-store"
MORE: dict[str, Any] = {"session.timeout.ms": 20_000}
IDLE = 8.0  # seconds
log = logging.getLogger("metering")


def play(books: Books, library: str, faulty: bool) -> None:
    shared = books.stage.lab
    with private(LabKafka, books.stage.folder / "kafka") as server, proxy(server.ports[3], server.ports[2]) as cable:
        books.stage.lab = Lab(books.stage.folder, Kafka(server.address))
        try:
            topic = books.topic(1)
            books.stage.environ[programs.VARIABLE] = f"{HOST}:{server.ports[3]}"
            measure(books, library, topic, faulty, cable)
            books.run("meter-store", store, library, topic)
            books.close_topic(topic, GROUP)
        finally:
            books.stage.lab = shared
    # A request that was under way when the cable broke may have been answered into the void, and made once more.
    books.note("may", code="EDA201", most="CONFIRMED", where={"destination": topic})


def measure(books: Books, library: str, topic: str, faulty: bool, cable: Proxy) -> None:
    with books.running("metering", metering, library, topic, faulty) as meters:
        books.wait("sent", 20)
        cable.down = True
        if faulty:
            books.wait("refused", 12)
        else:
            books.wait("sent", 20 + 70)
        cable.down = False
        books.wait("sent", books.count("sent") + 60)
        books.stop(meters)


class Meter:
    """Publishes what it measures, and does not wait for an answer."""

    def __init__(self, topic: str) -> None:
        self.topic, self.number, self.dropped = topic, 0, 0

    def reading(self) -> dict[str, Any]:
        self.number += 1
        note("sent", f"reading-{self.number}", to=self.topic)
        return {"id": f"reading-{self.number}", "watt": self.number * 3}

    def drop(self, name: str, error: object) -> None:
        self.dropped += 1
        log.debug("%s is dropped: %s", name, error)
        note("refused", name, to=self.topic)


def metering(library: str, topic: str, faulty: bool) -> None:
    # A reading that is a few seconds old is worth nothing, somebody has thought.
    delivery = 4000 if faulty else 120_000
    (by_kafka_python if library == "kafka-python" else by_confluent)(Meter(topic), delivery)


def by_kafka_python(meter: Meter, delivery: int) -> None:
    from kafka import KafkaProducer

    stop = Stop()
    producer = KafkaProducer(
        bootstrap_servers=kafka(),
        acks=1,
        enable_idempotence=False,
        request_timeout_ms=min(delivery, 10_000) - 1000,
        delivery_timeout_ms=delivery,
        reconnect_backoff_max_ms=500,
        value_serializer=lambda reading: json.dumps(reading).encode(),
    )
    while not stop.asked:
        reading = meter.reading()
        producer.send(meter.topic, reading).add_errback(partial(meter.drop, reading["id"]))
        time.sleep(0.1)
    producer.flush()
    producer.close()


def by_confluent(meter: Meter, delivery: int) -> None:
    from confluent_kafka import Producer

    def delivered(name: str, error: Any, _: Any) -> None:
        if error is not None:
            meter.drop(name, error)

    stop = Stop()
    producer = Producer(
        {
            "bootstrap.servers": kafka(),
            "acks": 1,
            "message.timeout.ms": delivery,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
    )
    while not stop.asked:
        reading = meter.reading()
        producer.produce(meter.topic, json.dumps(reading), on_delivery=partial(delivered, reading["id"]))
        producer.poll(0.1)
    producer.flush(60)


def store(library: str, topic: str) -> None:
    if library == "kafka-python":
        consumer = kafka_python(topic, GROUP, session_timeout_ms=20_000, consumer_timeout_ms=int(IDLE * 1000))
        for record in consumer:
            keep(record)
            consumer.commit()
        consumer.close()
        return
    consumer, patience = confluent(topic, GROUP, **MORE), 40.0
    while (message := consumer.poll(patience)) is not None:
        if message.error() is None:
            patience = IDLE
            keep(message)
            consumer.commit(message, asynchronous=False)
    consumer.close()


def keep(message: Any) -> None:
    name = value(message)["id"]
    note("began", name, message, group=GROUP)
    note("done", name, message, group=GROUP)
