"""A master forks workers with partitions of their own: one dies of a fare, and its partitions stand; or is replaced.

Each worker assigns itself every second partition. The master waits for its workers in the end only, so nobody sees that
one has gone. The twin's master looks each second, and its next worker has the new zones.

Shown by: the process span of that fare has the error; the sends to the dead worker's partitions go on, and after that
nobody has a span of them, while the others are read (EDA504).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, PARTITIONS, WORKERS, COUNT, STRANGE = "fares", 4, 2, 160, 57
ZONES = {"A": 170, "B": 240, "C": 310}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(PARTITIONS)
    master = {"kafka-python": by_fork, "confluent-kafka": by_multiprocessing}[library]
    with books.running("fares", master, topic, faulty) as running:
        books.wait("ready", WORKERS)
        books.run("buses", buses, topic)
        # Of the dead worker's partitions, those before the strange one are done.
        books.wait("done", COUNT // 2 + STRANGE // PARTITIONS if faulty else COUNT)
        time.sleep(3)
        books.stop(running)
    books.close_topic(topic, GROUP)
    if faulty:
        assert books.count("done") < COUNT - 10
        books.note("must", code="EDA504", where={"group": GROUP, "destination": topic})
        for partition in ("1", "3"):
            books.note("may", code="EDA107", where={"destination": topic, "partition": partition})


def buses(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})
    for number in range(COUNT):
        fare = {"id": f"fare-{number}", "zone": "D" if number == STRANGE else "ABC"[number % 3]}
        note("sent", fare["id"], to=topic)
        producer.produce(topic, json.dumps(fare), partition=number % PARTITIONS)
        producer.poll(0)
        time.sleep(0.03)
    producer.flush(60)


class Meter:
    """Adds up fares by their zones."""

    def __init__(self, zones: dict[str, int]) -> None:
        self.zones = zones
        self.cents = 0

    def add(self, message: Any) -> None:
        fare = value(message)
        note("began", fare["id"], message, group=GROUP)
        time.sleep(0.004)
        if fare["zone"] not in self.zones:
            note("failed", fare["id"], message, group=GROUP)
        self.cents += self.zones[fare["zone"]]
        note("done", fare["id"], message, group=GROUP)


def work(library: str, topic: str, number: int, zones: dict[str, int]) -> None:
    """Read every second partition, from this one on."""
    share = range(number, PARTITIONS, WORKERS)
    (read_by_kafka_python if library == "kafka-python" else read_by_confluent)(topic, share, Meter(zones))


def read_by_kafka_python(topic: str, share: range, meter: Meter) -> None:
    from kafka import KafkaConsumer, TopicPartition

    stop = Stop()
    consumer = KafkaConsumer(
        bootstrap_servers=kafka(),
        group_id=GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        consumer_timeout_ms=300,
    )
    consumer.assign([TopicPartition(topic, partition) for partition in share])
    note("ready")
    while not stop.asked:
        for message in consumer:
            meter.add(message)
            consumer.commit()
            if stop.asked:
                break
    consumer.close()


def read_by_confluent(topic: str, share: range, meter: Meter) -> None:
    from confluent_kafka import Consumer, TopicPartition

    stop = Stop()
    consumer = Consumer(
        {
            "bootstrap.servers": kafka(),
            "group.id": GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, partition) for partition in share])
    note("ready")
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is None or message.error():
            continue
        meter.add(message)
        consumer.commit(message=message, asynchronous=False)
    consumer.close()


def by_fork(topic: str, faulty: bool) -> None:
    """Have workers that `os.fork` makes."""
    stop = Stop()
    workers = {forked(topic, number, ZONES): number for number in range(WORKERS)}
    while not stop.asked:
        time.sleep(0.5)
        if not faulty:
            for pid in [pid for pid in workers if os.waitpid(pid, os.WNOHANG)[0]]:
                number = workers.pop(pid)
                workers[forked(topic, number, {**ZONES, "D": 390})] = number
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for pid in workers:
        os.waitpid(pid, 0)


def forked(topic: str, number: int, zones: dict[str, int]) -> int:
    """Fork a worker; the child never comes back from here."""
    pid = os.fork()
    if pid == 0:
        work("kafka-python", topic, number, zones)
        sys.exit()
    return pid


def by_multiprocessing(topic: str, faulty: bool) -> None:
    """Have workers that `multiprocessing` makes."""
    stop = Stop()
    workers = [started(topic, number, ZONES) for number in range(WORKERS)]
    while not stop.asked:
        time.sleep(0.5)
        if not faulty:
            for number, worker in enumerate(workers):
                if not worker.is_alive():
                    workers[number] = started(topic, number, {**ZONES, "D": 390})
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(30)


def started(topic: str, number: int, zones: dict[str, int]) -> Any:
    worker = multiprocessing.Process(target=work, args=("confluent-kafka", topic, number, zones))
    worker.start()
    return worker
