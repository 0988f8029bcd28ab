"""A loader pauses a partition whose customer is over quota: it forgets to resume it, or resumes it after a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "loader"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.running("loader", loader, topic, faulty) as one:
        books.run("exports", exports, topic)
        books.wait("done", 70 if faulty else 100)
        books.stop(one)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA504", least="SUSPECT", where={"destination": topic, "partition": "1"})


def exports(topic: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), value_serializer=lambda text: text.encode())
    for number in range(100):
        note("sent", f"row-{number}", to=topic)
        producer.send(topic, f'{{"id": "row-{number}"}}', partition=number % 2)
        time.sleep(0.06)
    producer.flush()
    producer.close()


def loader(topic: str, faulty: bool) -> None:
    from kafka import TopicPartition

    stop, taken, paused_at = Stop(), 0, 0.0
    customer = TopicPartition(topic, 1)
    consumer = kafka_python(topic, GROUP)
    while not stop.asked:
        polled: dict[Any, list[Any]] = consumer.poll(timeout_ms=200, max_records=10)
        for partition, records in polled.items():
            for record in records:
                row = value(record)
                note("began", row["id"], record, group=GROUP)
                note("done", row["id"], record, group=GROUP)
                taken += partition == customer
            if partition == customer and taken >= 20 and not paused_at:
                consumer.pause(customer)
                paused_at = time.monotonic()
        if polled:
            consumer.commit()
        if not faulty and paused_at and time.monotonic() - paused_at > 1.5:
            consumer.resume(customer)
    consumer.close()
