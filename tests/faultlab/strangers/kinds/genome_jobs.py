"""A job takes longer than `max.poll.interval.ms`: another worker gets the partition, and does the job as well.

The twin's workers may be silent for five minutes. Shown by: two process spans of one offset in two processes, both
without an error, of which the second begins before the first one ends (EDA203); the first one's commit span fails.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP, COUNT, LONG, SECONDS = "genomes", 16, 5, 14
log = logging.getLogger("genomes")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, archive = books.topic(2), books.file.with_suffix(".archive")
    archive.mkdir(exist_ok=True)
    work = {"confluent-kafka": by_confluent, "kafka-python": by_kafka_python}[library]
    with books.serving("genomes", work, topic, str(archive), 6000 if faulty else 300_000, replicas=2):
        books.wait("up", 2)
        time.sleep(3)
        books.run("sequencers", sequencers, library, topic)
        books.wait("done", COUNT + faulty)
        time.sleep(3)
    books.close_topic(topic, GROUP)
    if faulty:
        for code in ("EDA504", "EDA602", "EDA503"):  # it did not poll, and was expelled
            books.note("may", code=code, where={})


def sequencers(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"job-{n}", "reference": "wheat" if n == LONG else "yeast"} for n in range(COUNT)])


class Worker:
    """Compares a genome with its reference, which the archive has to fetch first if nobody has asked for it before."""

    def __init__(self, archive: str) -> None:
        self.archive = Path(archive)
        self.done: list[str] = []

    def compare(self, message: Any) -> None:
        job = value(message)
        note("began", job["id"], message, group=GROUP, pid=os.getpid())
        reference = self.archive / job["reference"]
        known = reference.exists() or job["reference"] == "yeast"
        reference.touch()
        time.sleep(0.05 if known else SECONDS)
        self.done.append(job["id"])
        note("done", job["id"], message, group=GROUP, pid=os.getpid())


def by_confluent(topic: str, archive: str, interval: int) -> None:
    from confluent_kafka import Consumer, KafkaException

    stop, worker = Stop(), Worker(archive)
    consumer = Consumer(
        {
            "bootstrap.servers": kafka(),
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
            "max.poll.interval.ms": interval,
        }
    )
    consumer.subscribe([topic])
    note("up")
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is None or message.error():
            continue
        worker.compare(message)
        try:
            consumer.commit(message=message, asynchronous=False)
        except KafkaException as error:
            log.warning("not committed: %s", error)
    consumer.close()


def by_kafka_python(topic: str, archive: str, interval: int) -> None:
    from kafka import KafkaConsumer
    from kafka.errors import CommitFailedError

    stop, worker = Stop(), Worker(archive)
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
        max_poll_interval_ms=interval,
        max_poll_records=1,
    )
    note("up")
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300).values():
            for record in records:
                worker.compare(record)
            try:
                consumer.commit()
            except CommitFailedError as error:
                log.warning("not committed: %s", error)
    consumer.close()
