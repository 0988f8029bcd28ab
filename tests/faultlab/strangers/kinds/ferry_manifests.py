"""A ferry office checks manifests in a pool of threads: a callback logs those that fail, all are committed; or retried.

What shows it: the process span of such a manifest ends with the call in the pool, with its `error.type`, and the log
has an ERROR for it. The group commits past it (EDA104, a SUSPECT, as the office asks for the error and may have done
something about it).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, UNKNOWN = "ferry-office", 40, {6, 19, 33}
SESSION: dict[str, Any] = {"session.timeout.ms": 20_000}
log = logging.getLogger("ferry")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.running("ferry-office", office, library, topic, faulty) as running:
        books.run("harbour", harbour, topic)
        books.wait("done", COUNT - len(UNKNOWN) if faulty else COUNT)
        books.wait("committed-all", COUNT)
        books.stop(running)
    books.close_topic(topic, GROUP)


def harbour(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})
    for number in range(COUNT):
        manifest = {"id": f"manifest-{number}", "ship": "Aurora" if number in UNKNOWN else "Berta"}
        note("sent", manifest["id"], to=topic)
        producer.produce(topic, json.dumps(manifest), partition=number % 2)
        producer.poll(0.02)
    producer.flush(60)


class Office:
    """Checks manifests against the capacity of ships; the register lacks one, or is locked for a moment."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="check")
        self.lock = threading.Lock()
        self.capacity = {"Berta": 300}

    def take(self, batch: list[Any]) -> None:
        """Check all of a batch, and come back when that is over."""
        futures = []
        for message in batch:
            future = self.pool.submit(self.check if self.faulty else self.check_twice, message)
            future.add_done_callback(self.report)
            futures.append(future)
        wait(futures)

    def check_twice(self, message: Any) -> int:
        try:
            return self.check(message)
        except KeyError as error:
            log.warning("once more: %r", error)
            with self.lock:
                self.capacity["Aurora"] = 120  # the register has been read anew
            return self.check(message)

    def check(self, message: Any) -> int:
        manifest = value(message)
        note("began", manifest["id"], message, group=GROUP)
        time.sleep(0.02)
        try:
            places = self.capacity[manifest["ship"]]
        except KeyError:
            note("failed", manifest["id"], message, group=GROUP)
            if self.faulty:
                note("logged", manifest["id"], message, group=GROUP)
            raise
        note("done", manifest["id"], message, group=GROUP)
        return places

    @staticmethod
    def report(future: Future[int]) -> None:
        error = future.exception()
        if error is not None:
            log.error("a manifest could not be checked", exc_info=error)


def office(library: str, topic: str, faulty: bool) -> None:
    (by_kafka_python if library == "kafka-python" else by_confluent)(topic, Office(faulty))


def by_kafka_python(topic: str, office: Office) -> None:
    stop, consumer = Stop(), kafka_python(topic, GROUP, session_timeout_ms=20_000)
    while not stop.asked:
        for batch in consumer.poll(timeout_ms=300, max_records=8).values():
            office.take(batch)
            consumer.commit()
            noted(batch)
    consumer.close()


def by_confluent(topic: str, office: Office) -> None:
    stop, consumer = Stop(), confluent(topic, GROUP, **SESSION)
    while not stop.asked:
        batch = [message for message in consumer.consume(8, timeout=0.3) if not message.error()]
        if batch:
            office.take(batch)
            consumer.commit(asynchronous=False)
            noted(batch)
    consumer.close()


def noted(batch: list[Any]) -> None:
    for message in batch:
        note("committed-all", value(message)["id"])
