"""A reader waits a second at most for its pool, then commits all it has read; some photos take longer, and is killed.

Its twin commits up to the first that is not done. Shown by: commit spans whose offset is past messages of which no
process span ends, the metrics of what is in hand (`eda.consumer.in_flight`), and the next process, which begins behind
them (EDA104).
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP, COUNT, NIGHT, HUGE = "claim-photos", 30, 20, {13, 16}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    thumbs = books.file.with_suffix(".thumbs")
    thumbs.mkdir(exist_ok=True)
    run = {"confluent-kafka": by_confluent, "kafka-python": by_kafka_python}[library]
    books.run("app", app, library, topic, 0, NIGHT)
    with books.running("claim-photos", run, topic, str(thumbs), faulty, True) as first:
        books.wait("huge", len(HUGE))
        books.wait("done", NIGHT - len(HUGE))
        time.sleep(5)
        books.kill("claim-photos", first)
    books.run("app", app, library, topic, NIGHT, COUNT)
    with books.serving("claim-photos", run, topic, str(thumbs), faulty, False):
        books.wait("done", COUNT - len(HUGE) if faulty else COUNT)
        time.sleep(2)
    books.close_topic(topic, GROUP)
    books.note("may", code="EDA503", where={"service": "claim-photos"})  # the huge ones do take for ever


def app(library: str, topic: str, first: int, end: int) -> None:
    publish(library, topic, [{"id": f"photo-{n}", "megapixels": 400 if n in HUGE else 8} for n in range(first, end)])


def scale(message: Any, thumbs: str, slow: bool) -> None:
    photo = value(message)
    thumb = Path(thumbs, photo["id"])
    if thumb.exists():
        note("filtered", photo["id"], message, group=GROUP)
        return
    note("began", photo["id"], message, group=GROUP)
    if slow and photo["megapixels"] > 100:
        note("huge", photo["id"])
        time.sleep(300)
    time.sleep(0.02)
    thumb.touch()
    note("done", photo["id"], message, group=GROUP)


class Pool:
    """The photos that are being scaled, oldest first."""

    def __init__(self, thumbs: str, patient: bool, slow: bool) -> None:
        self.thumbs, self.patient, self.slow = thumbs, patient, slow
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="scale")
        self.open: dict[int, Future[None]] = {}
        self.next = 0

    def add(self, offset: int, message: Any) -> None:
        self.open[offset] = self.pool.submit(scale, message, self.thumbs, self.slow)
        self.next = offset + 1

    def mark(self) -> int:
        """Give the offset to commit."""
        wait(self.open.values(), timeout=1)
        self.open = {at: future for at, future in self.open.items() if not future.done()}
        return min(self.open, default=self.next) if self.patient else self.next


def by_confluent(topic: str, thumbs: str, faulty: bool, slow: bool) -> None:
    from confluent_kafka import Consumer, TopicPartition

    stop, pool, marked = Stop(), Pool(thumbs, not faulty, slow), 0
    config = {"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"}
    consumer = Consumer({**config, "enable.auto.commit": False, "session.timeout.ms": 6000})
    consumer.subscribe([topic])
    while not stop.asked:
        for message in consumer.consume(10, timeout=0.3):
            pool.add(message.offset() or 0, message)
        if (mark := pool.mark()) > marked:
            consumer.commit(offsets=[TopicPartition(topic, 0, mark)], asynchronous=False)
            marked = mark
    consumer.close()


def by_kafka_python(topic: str, thumbs: str, faulty: bool, slow: bool) -> None:
    from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

    stop, pool, marked = Stop(), Pool(thumbs, not faulty, slow), 0
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
    )
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300, max_records=10).values():
            for record in records:
                pool.add(record.offset, record)
        if (mark := pool.mark()) > marked:
            consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(mark, "", -1)})
            marked = mark
    consumer.close()
