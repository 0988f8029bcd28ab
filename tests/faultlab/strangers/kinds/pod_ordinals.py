"""Pods assign themselves partitions by their ordinal: of three by the settings two run, and a third is never read.

The twin has the right number; its second pod starts late.

Shown by: the send spans have partitions, and two of those have no poll, no process span and no commit, while the group
works on the others.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "geofences"
PARTITIONS, EACH = 6, 12


def play(books: Books, library: str, faulty: bool) -> None:
    topic, replicas = books.topic(PARTITIONS), "3" if faulty else "2"
    pods = [{"HOSTNAME": f"geofences-{ordinal}", "REPLICAS": replicas} for ordinal in range(2)]
    with books.running("geofences", geofences, library, topic, environ=pods[0]) as one:
        books.run("trackers", beat, library, topic, "fix-first")
        books.wait("done", 1)  # it reads, so that what comes now does not find nobody at work
        books.run("trackers", trackers, library, topic)
        with books.running("geofences", geofences, library, topic, environ=pods[1]) as two:
            books.wait("done", (4 if faulty else 6) * EACH + 1)
            books.run("trackers", beat, library, topic, "fix-last")
            time.sleep(3)
            books.stop(two)
        books.stop(one)
    books.close_topic(topic, GROUP)
    if faulty:
        for partition in ("2", "5"):
            where = {"destination": topic, "partition": partition}
            books.note("must", code="EDA107", where=where)  # no group is behind there, since none has it
            books.note("may", code="EDA504", where=where)


def trackers(library: str, topic: str) -> None:
    send(library, topic, [(n % PARTITIONS, {"id": f"fix-{n}", "car": n % 30}) for n in range(PARTITIONS * EACH)])


def beat(library: str, topic: str, name: str) -> None:
    send(library, topic, [(0, {"id": name, "car": 0})])


def send(library: str, topic: str, fixes: list[tuple[int, dict[str, Any]]]) -> None:
    if library == "kafka-python":
        from kafka import KafkaProducer

        producer = KafkaProducer(bootstrap_servers=kafka(), linger_ms=5)
        for partition, fix in fixes:
            note("sent", fix["id"], to=topic)
            producer.send(topic, json.dumps(fix).encode(), partition=partition)
            time.sleep(0.03)
        producer.flush()
        producer.close()
        return
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})
    for partition, fix in fixes:
        note("sent", fix["id"], to=topic)
        producer.produce(topic, json.dumps(fix), partition=partition)
        producer.poll(0.03)
    producer.flush(60)


def mine() -> list[int]:
    """Give the partitions of this pod, as an operator's handbook has it."""
    ordinal, replicas = int(os.environ["HOSTNAME"].rpartition("-")[2]), int(os.environ["REPLICAS"])
    return [partition for partition in range(PARTITIONS) if partition % replicas == ordinal]


def geofences(library: str, topic: str) -> None:
    (by_kafka_python if library == "kafka-python" else by_confluent)(topic)


def check(message: Any) -> None:
    name = value(message)["id"]
    note("began", name, message, group=GROUP)
    time.sleep(0.01)
    note("done", name, message, group=GROUP)


def by_kafka_python(topic: str) -> None:
    from kafka import KafkaConsumer, TopicPartition

    stop = Stop()
    consumer = KafkaConsumer(
        bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
    )
    consumer.assign([TopicPartition(topic, partition) for partition in mine()])
    while not stop.asked:
        polled = consumer.poll(timeout_ms=300, max_records=20)
        for records in polled.values():
            for record in records:
                check(record)
        if polled:
            consumer.commit()
    consumer.close()


def by_confluent(topic: str) -> None:
    from confluent_kafka import Consumer, TopicPartition

    stop = Stop()
    consumer = Consumer(
        {
            "bootstrap.servers": kafka(),
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, partition) for partition in mine()])
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is not None and message.error() is None:
            check(message)
            consumer.commit(message=message, asynchronous=False)
    consumer.close()
