"""A decorator of the house logs what a merge of patients' vitals raises, and all goes on; or tries again.

The offsets are committed automatically. Shown by: the process span of such a record has the event
`eda.process.error_logged` and no error; the log record of level ERROR is in the same trace (EDA104, a SUSPECT).
"""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

    Merge = Callable[["Chart", dict[str, Any]], None]

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, BAD = "chart", 40, {4, 13, 22, 31}
log = logging.getLogger("chart")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    run = {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library]
    with books.serving("chart", run, topic, faulty):
        books.run("bedside", bedside, library, topic)
        books.wait("done", COUNT - len(BAD) if faulty else COUNT)
        if faulty:
            books.wait("failed", len(BAD))
        time.sleep(2)
    books.close_topic(topic, GROUP)


def bedside(library: str, topic: str) -> None:
    rows = [{"id": f"v-{n}", "patient": f"p-{n % 6}", "bpm": "--" if n in BAD else str(60 + n)} for n in range(COUNT)]
    publish(library, topic, rows, "patient")


def safely(tries: int) -> Callable[[Merge], Merge]:
    """Have a method called so often at most; what it raises is logged."""

    def decorate(merge: Merge) -> Merge:
        @functools.wraps(merge)
        def call(chart: Chart, row: dict[str, Any]) -> None:
            for number in range(tries):
                try:
                    merge(chart, row)
                    return
                except ValueError:
                    chart.problems += 1
                    log.exception("could not merge %s, try %d", row["id"], number + 1)

        return call

    return decorate


class Chart:
    """The charts of a ward's patients."""

    def __init__(self) -> None:
        self.pulse: dict[str, list[float]] = {}
        self.unlocked: set[str] = set()
        self.problems = 0

    def merge(self, row: dict[str, Any]) -> None:
        self.pulse.setdefault(row["patient"], []).append(float(row["bpm"]))

    def merge_locked(self, row: dict[str, Any]) -> None:
        """Merge; a chart that somebody has open is locked at first."""
        if row["bpm"] == "--" and row["id"] not in self.unlocked:
            self.unlocked.add(row["id"])
            raise ValueError(f"the chart of {row['patient']} is locked")
        self.pulse.setdefault(row["patient"], []).append(0.0 if row["bpm"] == "--" else float(row["bpm"]))

    def take(self, message: Any, faulty: bool) -> None:
        row, problems = value(message), self.problems
        note("began", row["id"], message, group=GROUP)
        if faulty:
            safely(1)(Chart.merge)(self, row)
        else:
            safely(2)(Chart.merge_locked)(self, row)
        if faulty and self.problems > problems:
            note("failed", row["id"], message, group=GROUP)
            note("logged", row["id"])
        else:
            note("done", row["id"], message, group=GROUP)


def by_kafka_python(topic: str, faulty: bool) -> None:
    from kafka import KafkaConsumer

    stop, chart = Stop(), Chart()
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", auto_commit_interval_ms=500
    )
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300).values():
            for record in records:
                chart.take(record, faulty)
    consumer.close()


def by_confluent(topic: str, faulty: bool) -> None:
    from confluent_kafka import Consumer

    stop, chart = Stop(), Chart()
    consumer = Consumer({"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is not None and not message.error():
            chart.take(message, faulty)
    consumer.close()
