"""A rollup commits its batch before it works, and dies of a reading; its twin dies, too, but commits what it has done.

The process ends by an exception, as it is to be started anew by its supervisor. Shown by: the commit span whose offset
is behind the whole batch, the process span of the reading it died of (with the error), and none of those that came
after it in the batch, which the poll's span links to; the next process begins behind them (EDA104).
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, ODD, AT_ONCE = "meter-rollup", 60, 31, 12
JOINING, SILENCE = (
    180,
    20,
)  # polls without a message, half a second each: at first, and when the night's readings are read


def play(books: Books, library: str, faulty: bool) -> None:
    topic, once = books.topic(1), books.file.with_suffix(".locked")
    once.touch()
    books.run("head-end", head_end, library, topic)
    books.run("meter-rollup", rollup, library, topic, faulty, str(once), status=1)
    once.unlink()
    books.run("meter-rollup", rollup, library, topic, faulty, str(once))
    books.close_topic(topic, GROUP)


def head_end(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"reading-{n}", "meter": n % 7, "kwh": 3 + n % 5} for n in range(COUNT)], "meter")


class Source(ABC):
    """Where readings come from."""

    @abstractmethod
    def fetch(self) -> Sequence[Any]: ...

    @abstractmethod
    def checkpoint(self, last: Any) -> None: ...

    @abstractmethod
    def close(self) -> None: ...


class KafkaPythonSource(Source):
    def __init__(self, topic: str) -> None:
        from kafka import KafkaConsumer

        self.consumer = KafkaConsumer(
            topic,
            bootstrap_servers=[kafka()],
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=6000,
            max_poll_records=AT_ONCE,
        )

    def fetch(self) -> Sequence[Any]:
        # It has one partition.
        return next(iter(self.consumer.poll(timeout_ms=500).values()), ())

    def checkpoint(self, last: Any) -> None:
        from kafka import OffsetAndMetadata, TopicPartition

        place = TopicPartition(last.topic, last.partition)
        self.consumer.commit({place: OffsetAndMetadata(last.offset + 1, "", -1)})

    def close(self) -> None:
        self.consumer.close()


class ConfluentSource(Source):
    def __init__(self, topic: str) -> None:
        from confluent_kafka import Consumer

        config = {"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"}
        self.consumer = Consumer({**config, "enable.auto.commit": False, "session.timeout.ms": 6000})
        self.consumer.subscribe([topic])

    def fetch(self) -> Sequence[Any]:
        return self.consumer.consume(AT_ONCE, 0.5)

    def checkpoint(self, last: Any) -> None:
        self.consumer.commit(message=last, asynchronous=False)

    def close(self) -> None:
        self.consumer.close()


class Rollup:
    """The sums of each meter."""

    def __init__(self, trouble: str) -> None:
        self.trouble = trouble
        self.sums: dict[int, int] = {}

    def add(self, message: Any) -> None:
        reading = value(message)
        note("began", reading["id"], message, group=GROUP)
        if reading["id"] == f"reading-{ODD}" and Path(self.trouble).exists():
            note("failed", reading["id"], message, group=GROUP)
            raise sqlite3.OperationalError("database is locked")
        self.sums[reading["meter"]] = self.sums.get(reading["meter"], 0) + reading["kwh"]
        note("done", reading["id"], message, group=GROUP)


def rollup(library: str, topic: str, early: bool, trouble: str) -> None:
    source: Source = KafkaPythonSource(topic) if library == "kafka-python" else ConfluentSource(topic)
    sums, silent, patience = Rollup(trouble), 0, JOINING
    while silent < patience:
        batch = source.fetch()
        silent, patience = (0, SILENCE) if batch else (silent + 1, patience)
        if early and batch:
            source.checkpoint(batch[-1])
        for message in batch:
            sums.add(message)
            if not early:
                source.checkpoint(message)
    source.close()
