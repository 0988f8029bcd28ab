"""A feature builder adds up a batch of plays, and is killed before it commits: the next one adds them up once more.

Its twin keeps the ids of what it has added, and leaves out what it knows. Shown by: two process spans of each offset of
that batch in two processes, both without an error, no commit span in between that is past them, and the second process
begins at the offset that was committed (EDA202).
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED, kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, LATER, BATCH, SESSION = "features", 36, 12, 12, 6000


def play(books: Books, library: str, faulty: bool) -> None:
    topic, known = books.topic(1), str(books.file.with_suffix(".known"))
    build = {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library]
    books.run("player", player, library, topic, 0, COUNT)
    books.run("features", build, topic, known, faulty, 2, status=KILLED)
    with books.serving("features", build, topic, known, faulty, 0):
        books.run("player", player, library, topic, COUNT, COUNT + LATER)
        books.wait("end-of-the-day", 1)
        time.sleep(2)
    books.close_topic(topic, GROUP)


def player(library: str, topic: str, first: int, end: int) -> None:
    publish(
        library, topic, [{"id": f"play-{n}", "song": n % 9, "last": n == COUNT + LATER - 1} for n in range(first, end)]
    )


class Features:
    """How often each song was played."""

    def __init__(self, file: str, trusting: bool, dies_after: int) -> None:
        self.trusting, self.left = trusting, dies_after
        self.known = sqlite3.connect(file, isolation_level=None)
        self.known.execute("CREATE TABLE IF NOT EXISTS known (id TEXT PRIMARY KEY)")
        self.plays: Counter[int] = Counter()

    def add(self, message: Any) -> None:
        play_ = value(message)
        if not self.trusting and self.has(play_["id"]):
            note("filtered", play_["id"], message, group=GROUP)
            return
        note("began", play_["id"], message, group=GROUP)
        time.sleep(0.03)
        self.plays[play_["song"]] += 1
        self.known.execute("INSERT OR IGNORE INTO known VALUES (?)", [play_["id"]])
        note("done", play_["id"], message, group=GROUP)
        if play_["last"]:
            note("end-of-the-day")

    def has(self, name: str) -> bool:
        return self.known.execute("SELECT 1 FROM known WHERE id = ?", [name]).fetchone() is not None

    def store(self) -> None:
        """Write the sums; the feature store is slow, and the node's memory short, at the batch before last."""
        self.left -= 1
        if self.left == 0:
            time.sleep(2.5)
            os.kill(os.getpid(), signal.SIGKILL)


def by_kafka_python(topic: str, known: str, faulty: bool, dies_after: int) -> None:
    from kafka import KafkaConsumer

    stop, features = Stop(), Features(known, faulty, dies_after)
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=SESSION,
        heartbeat_interval_ms=1000,
    )
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300, max_records=BATCH).values():
            for record in records:
                features.add(record)
            features.store()
            consumer.commit()
    consumer.close()


def by_confluent(topic: str, known: str, faulty: bool, dies_after: int) -> None:
    from confluent_kafka import Consumer

    stop, features = Stop(), Features(known, faulty, dies_after)
    config = {"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"}
    consumer = Consumer({**config, "enable.auto.commit": False, "session.timeout.ms": SESSION})
    consumer.subscribe([topic])
    while not stop.asked:
        messages = consumer.consume(BATCH, timeout=0.5)
        for message in messages:
            features.add(message)
        if messages:
            features.store()
            consumer.commit(asynchronous=False)
    consumer.close()
