"""A projection keeps its offsets in its own database: it notes them before it works, or together with its work."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "projection"


def play(books: Books, library: str, faulty: bool) -> None:
    topic, database = books.topic(1), str(books.file.with_suffix(".db"))
    books.run("accounts", accounts, library, topic)
    books.run("projection", project, library, topic, database, faulty, 11, status=KILLED)
    books.run("projection", project, library, topic, database, faulty, 0)
    books.close_topic(topic)
    books.note("committed", group=GROUP, at={"destination": topic, "partition": "0", "offset": 30})


def accounts(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"t-{n}", "account": n % 4, "cents": n} for n in range(30)], "account")


def project(library: str, topic: str, database: str, faulty: bool, dies_at: int) -> None:
    Projection(database, faulty, dies_at).run(
        {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library], topic
    )


class Projection:
    """Balances by account."""

    def __init__(self, database: str, faulty: bool, dies_at: int) -> None:
        self.db = sqlite3.connect(database)
        self.db.execute("CREATE TABLE IF NOT EXISTS offsets (next INTEGER)")
        self.db.execute("CREATE TABLE IF NOT EXISTS moves (account INTEGER, cents INTEGER)")
        self.faulty, self.dies_at, self.count = faulty, dies_at, 0

    @property
    def offset(self) -> int:
        return int(self.db.execute("SELECT coalesce(max(next), 0) FROM offsets").fetchone()[0])

    def run(self, source: Any, topic: str) -> None:
        for message in source(topic, self.offset):
            self.apply(value(message), message)

    def apply(self, move: dict[str, Any], message: Any) -> None:
        note("began", move["id"], message, group=GROUP)
        offset = message.offset() if callable(message.offset) else message.offset
        self.count += 1
        with self.db:
            self.db.execute("INSERT INTO offsets VALUES (?)", [offset + 1])
            if self.faulty:
                self.db.commit()
                self.die()
            self.db.execute("INSERT INTO moves VALUES (?, ?)", [move["account"], move["cents"]])
            if not self.faulty:
                self.die()
        note("done", move["id"], message, group=GROUP)

    def die(self) -> None:
        if self.count == self.dies_at:
            time.sleep(1.5)
            os.kill(os.getpid(), signal.SIGKILL)


def by_kafka_python(topic: str, offset: int) -> Iterator[Any]:
    from kafka import KafkaConsumer, TopicPartition

    from faultlab.strangers.books import kafka

    consumer = KafkaConsumer(
        bootstrap_servers=kafka(), group_id=GROUP, enable_auto_commit=False, consumer_timeout_ms=3000
    )
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek(TopicPartition(topic, 0), offset)
    yield from consumer
    consumer.close()


def by_confluent(topic: str, offset: int) -> Iterator[Any]:
    from confluent_kafka import Consumer, TopicPartition

    from faultlab.strangers.books import kafka

    consumer = Consumer({"bootstrap.servers": kafka(), "group.id": GROUP, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, offset)])
    while (message := consumer.poll(3)) is not None:
        yield message
    consumer.close()
