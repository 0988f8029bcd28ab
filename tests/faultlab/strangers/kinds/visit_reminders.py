"""A consumer sleeps until a reminder is due, longer than its group allows, and another replica sends it as well.

The twin pauses the partition and goes on polling. What shows it: two process spans of one offset in one group and two
processes, neither with an error; the first one's commit fails; the partition changes hands in between.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP, COUNT, AHEAD, ALLOWED = "reminders", 3, 14.0, 8.0
log = logging.getLogger("reminders")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    program = {"confluent-kafka": by_confluent, "kafka-python": by_kafka_python}[library]
    with (
        books.running("reminders", program, topic, faulty) as one,
        books.running("reminders", program, topic, faulty) as two,
    ):
        books.wait("ready", 2)
        time.sleep(4)  # both are in the group
        books.run("practice", practice, library, topic)
        books.wait("through", COUNT)
        time.sleep(ALLOWED)  # whatever else is at hand is through as well
        books.stop(one)
        books.stop(two)
    books.close_topic(topic, GROUP)
    for code in ("EDA504", "EDA602"):
        books.note("may", code=code, where={"group": GROUP})
    books.note("may", code="EDA805", where={})


def practice(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"visit-{n}", "due": time.time() + AHEAD} for n in range(COUNT)])


class Reminders:
    """Sends a text message when it is time."""

    def text(self, visit: dict[str, Any], message: Any) -> None:
        time.sleep(0.05)
        note("done", visit["id"], message, group=GROUP, pid=os.getpid())
        note("through", visit["id"])


def begun(visit: dict[str, Any], message: Any) -> None:
    note("began", visit["id"], message, group=GROUP, pid=os.getpid())


def by_confluent(topic: str, faulty: bool) -> None:
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    stop, reminders = Stop(), Reminders()
    limits = {"max.poll.interval.ms": int(ALLOWED * 1000), "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}
    consumer = Consumer(
        {
            "bootstrap.servers": kafka(),
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **limits,
        }
    )
    consumer.subscribe([topic])
    consumer.poll(0.5)
    note("ready")
    held: Any = None
    while not stop.asked:
        message: Any = consumer.poll(0.3)
        if message is not None and not message.error():
            held = message
            begun(value(message), message)
            if faulty:
                time.sleep(max(0.0, value(message)["due"] - time.time()))
            else:
                consumer.pause([TopicPartition(topic, message.partition())])
        if held is None or time.time() < value(held)["due"]:
            continue
        reminders.text(value(held), held)
        try:
            consumer.commit(message=held, asynchronous=False)
        except KafkaException as error:
            log.warning("no commit: %s", error)
        if not faulty:
            consumer.resume([TopicPartition(topic, held.partition())])
        held = None
    consumer.close()


def by_kafka_python(topic: str, faulty: bool) -> None:
    from kafka import KafkaConsumer
    from kafka.errors import CommitFailedError

    stop, reminders = Stop(), Reminders()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=1,
        max_poll_interval_ms=int(ALLOWED * 1000),
        session_timeout_ms=6000,
        heartbeat_interval_ms=1000,
    )
    consumer.poll(500)
    note("ready")
    held: Any = None
    while not stop.asked:
        for records in consumer.poll(300).values():
            for record in records:
                begun(value(record), record)
                held = record
                if faulty:
                    time.sleep(max(0.0, value(record)["due"] - time.time()))
                else:
                    consumer.pause(*consumer.assignment())
        if held is None or time.time() < value(held)["due"]:
            continue
        reminders.text(value(held), held)
        try:
            consumer.commit()
        except CommitFailedError as error:
            log.warning("no commit: %s", error)
        if not faulty:
            consumer.resume(*consumer.paused())
        held = None
    consumer.close()
