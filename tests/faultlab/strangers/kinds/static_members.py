"""Static members: two have one name by mistake, and one throws out the other; or each its own, and one restarts."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP = "ratings"
EVERY = 10
log = logging.getLogger("ratings")


def play(books: Books, library: str, faulty: bool) -> None:
    one_name(books, library) if faulty else two_names(books, library)


def one_name(books: Books, library: str) -> None:
    topic = books.topic(1)
    with books.running("ratings", rate, library, topic, "ratings-0") as first:
        books.run("reviews", reviews, library, topic, 0, 26)
        books.wait("done", 26)
        with books.running("ratings", rate, library, topic, "ratings-0") as second:
            books.wait("done", 32)  # six of them once more
            books.run("reviews", reviews, library, topic, 26, 40)
            books.wait("done", 46)
            books.wait("thrown out", 1)
            books.stage.finish(first)
            books.stop(second)
    books.close_topic(topic, GROUP)


def two_names(books: Books, library: str) -> None:
    topic = books.topic(4)
    with books.running("ratings", rate, library, topic, "ratings-0") as first:
        with books.running("ratings", rate, library, topic, "ratings-1") as second:
            books.wait("assigned", 2)
            books.run("reviews", reviews, library, topic, 0, 40)
            books.wait("done", 40)
            books.stop(second)
        books.run("reviews", reviews, library, topic, 40, 80)  # some wait for the one that comes back
        with books.running("ratings", rate, library, topic, "ratings-1") as second:
            books.wait("assigned", 3)
            books.wait("done", 80)
            books.stop(second)
        books.stop(first)
    books.close_topic(topic, GROUP)


def reviews(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"review-{n}", "stars": n % 5} for n in range(first, last)])


def review(message: Any) -> None:
    written = value(message)
    note("began", written["id"], message, group=GROUP)
    time.sleep(0.01)
    note("done", written["id"], message, group=GROUP)


def rate(library: str, topic: str, name: str) -> None:
    try:
        by_confluent(topic, name) if library == "confluent-kafka" else by_kafka_python(topic, name)
    except Exception:
        log.exception("%s was thrown out of its group", name)
        note("thrown out")


def by_confluent(topic: str, name: str) -> None:
    from confluent_kafka import KafkaException

    more: dict[str, Any] = {
        "group.instance.id": name,
        "session.timeout.ms": 30_000,
        "partition.assignment.strategy": "roundrobin",
    }
    stop, done, consumer = Stop(), 0, confluent(topic, GROUP, **more)
    assigned = False
    while not stop.asked:
        message = consumer.poll(0.2)
        if not assigned and consumer.assignment():
            assigned = True
            note("assigned")
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        review(message)
        done += 1
        if done % EVERY == 0:
            consumer.commit(asynchronous=False)
    if done % EVERY:
        consumer.commit(asynchronous=False)
    consumer.close()


def by_kafka_python(topic: str, name: str) -> None:
    stop, done, consumer = Stop(), 0, kafka_python(topic, GROUP, group_instance_id=name, session_timeout_ms=30_000)
    assigned = False
    while not stop.asked:
        found = consumer.poll(timeout_ms=200, max_records=1)
        if not assigned and consumer.assignment():
            assigned = True
            note("assigned")
        for records in found.values():
            for record in records:
                review(record)
                done += 1
        if found and done % EVERY == 0:
            consumer.commit()
    if done % EVERY:
        consumer.commit()
    consumer.close()
