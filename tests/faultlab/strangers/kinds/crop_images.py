"""An image service works in a pool of threads and acknowledges in a callback, however the work ended; or looks at that.

Shown by: the process span of such an image ends with the call in the pool, with its `error.type`. Its acknowledgement
(RabbitMQ) or a commit past it (Kafka) comes after that, and the log event `eda.process.error_unretrieved` says that
nobody asked for the error (EDA104).
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent
from faultlab.strangers.kafka_house import publish as publish_to_kafka
from faultlab.strangers.rabbit_house import connect
from faultlab.strangers.rabbit_house import publish as publish_to_rabbitmq

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "confluent-kafka")
GROUP, COUNT, WEBP = "cropper", 40, {7, 8, 21, 33}
SESSION: dict[str, Any] = {"session.timeout.ms": 30_000}


def play(books: Books, library: str, faulty: bool) -> None:
    place = books.queue() if library == "pika" else books.topic(1)
    with books.serving("cropper", {"pika": by_pika, "confluent-kafka": by_confluent}[library], place, faulty):
        books.wait("ready", 1)
        books.run("uploads", uploads, library, place)
        books.wait("done", COUNT - len(WEBP) if faulty else COUNT)
        books.wait("failed", len(WEBP))
        time.sleep(1)
    if library == "pika":
        books.close_queue(place)
    else:
        books.close_topic(place, GROUP)


def uploads(library: str, place: str) -> None:
    images = [{"id": f"image-{n}", "format": "webp" if n in WEBP else "jpeg"} for n in range(COUNT)]
    if library == "pika":
        publish_to_rabbitmq(library, place, images)
    else:
        publish_to_kafka(library, place, images)


class FormatError(ValueError):
    """The quick decoder does not know the format."""


def crop(image: dict[str, Any], message: Any, slow: bool = False) -> None:
    """Crop an image by the quick decoder, or by the slow one, which knows all formats."""
    note("began", image["id"], message, group=GROUP)
    time.sleep(0.06 if slow else 0.02)
    if image["format"] == "webp" and not slow:
        note("failed", image["id"], message, group=GROUP)
        raise FormatError(image["format"])
    note("done", image["id"], message, group=GROUP)


def by_pika(queue: str, faulty: bool) -> None:
    stop, connection, pool = Stop(), connect(), ThreadPoolExecutor(3)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=6)

    def job(method: Any, properties: Any, body: bytes) -> None:
        crop(json.loads(body), properties, slow=method.redelivered)

    def settle(tag: int, future: Future[None]) -> None:
        if faulty or future.exception() is None:
            connection.add_callback_threadsafe(partial(channel.basic_ack, tag))
        else:
            connection.add_callback_threadsafe(partial(channel.basic_nack, tag, requeue=True))

    def on_image(_: Any, method: Any, properties: Any, body: bytes) -> None:
        pool.submit(job, method, properties, body).add_done_callback(partial(settle, method.delivery_tag))

    channel.basic_consume(queue, on_image)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    pool.shutdown()
    connection.process_data_events(time_limit=0.2)
    connection.close()


class Marks:
    """Which offsets of a partition are through, and up to where all are."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.through: set[int] = set()
        self.next = 0

    def add(self, offset: int) -> None:
        with self.lock:
            self.through.add(offset)

    def advance(self) -> int | None:
        """Give the offset to commit, if there is a new one."""
        with self.lock:
            before = self.next
            while self.next in self.through:
                self.through.remove(self.next)
                self.next += 1
            return self.next if self.next > before else None


def by_confluent(topic: str, faulty: bool) -> None:
    stop, marks, pool = Stop(), Marks(), ThreadPoolExecutor(3)
    consumer = confluent(topic, GROUP, **SESSION)

    def job(message: Any, slow: bool) -> None:
        crop(json.loads(message.value()), message, slow)

    def finished(message: Any, future: Future[None]) -> None:
        if faulty or future.exception() is None:
            marks.add(message.offset())
        else:
            start(message, slow=True)

    def start(message: Any, slow: bool = False) -> None:
        pool.submit(job, message, slow).add_done_callback(partial(finished, message))

    note("ready")
    while not stop.asked:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            start(message)
        commit(consumer, topic, marks.advance())
    pool.shutdown()
    commit(consumer, topic, marks.advance())
    consumer.close()


def commit(consumer: Any, topic: str, offset: int | None) -> None:
    from confluent_kafka import TopicPartition

    if offset is not None:
        consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
