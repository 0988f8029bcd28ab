"""A Celery task drains a topic by the batch, within a limit of time: it commits before it imports, or each article.

Cron has the task run now and then. A supplier's picture server hangs at two articles, so that the limit's alarm goes
off, and the task fails: the faulty one has committed the whole batch by then, so that the article and what comes after
it in its batch are never imported. The twin's next run begins at the article, and the server answers.

Shown by: the commit span is before the process spans; that of the hanging article has `error.type`; those after it in
the batch are in the links of the poll's span, and nobody has a process span of them, while the next run goes on behind
them (EDA104). Celery's own messages have no spans.
"""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house
from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP, COUNT, HANGS, BATCH, LIMIT, RUNS = "catalog-drain", 48, {13, 31}, 12, 2.0, 4


def play(books: Books, library: str, faulty: bool) -> None:
    tasks, topic = f"catalog-{books.file.stem.replace('.', '-')}", books.topic(1)
    books.queue()  # so that the broker is there; Celery declares its own
    seen = str(books.file.with_suffix(".seen"))
    books.run("suppliers", suppliers, library, topic)
    with books.running("catalog-worker", worker, library, tasks, topic, seen, faulty) as one:
        for run in range(1, RUNS + 1):
            books.run("cron", cron, tasks)
            books.wait("drained", run)
        books.stop(one)
    books.close_topic(topic, GROUP)
    books.note("may", code="EDA502", where={"service": "catalog-worker"})  # two articles do hang at first


def suppliers(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"article-{n}", "picture": f"/p/{n}.png"} for n in range(COUNT)])


class Catalog:
    """Imports articles with their pictures; the server of some hangs when it is asked for the first time."""

    def __init__(self, seen: str) -> None:
        self.seen = seen

    def take(self, article: dict[str, Any], message: Any) -> None:
        note("began", article["id"], message, group=GROUP)
        time.sleep(0.02)
        if int(article["id"].rpartition("-")[2]) in HANGS and self._first(article["id"]):
            try:
                time.sleep(600)
            except TimeoutError:
                note("failed", article["id"], message, group=GROUP)
                raise
        note("done", article["id"], message, group=GROUP)

    def _first(self, name: str) -> bool:
        with open(self.seen, "a+", encoding="utf-8") as file:
            file.seek(0)
            known = name in file.read().split()
            file.write(f"{name}\n")
        return not known


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise in the block when it takes longer."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def made(tasks: str) -> Any:
    """Give the app."""
    from celery import Celery

    host, port = rabbitmq()
    app = Celery("catalog", broker=f"amqp://guest:guest@{host}:{port}//")
    app.conf.update(task_default_queue=tasks, task_ignore_result=True)
    return app


def cron(tasks: str) -> None:
    app = made(tasks)
    app.send_task("catalog.drain")
    app.close()


def worker(library: str, tasks: str, topic: str, seen: str, faulty: bool) -> None:
    by = by_confluent if library == "confluent-kafka" else by_kafka_python
    catalog = Catalog(seen)

    def drain() -> None:
        try:
            by(topic, catalog, faulty)
        finally:
            note("drained")

    app = made(tasks)
    app.task(name="catalog.drain")(drain)
    app.worker_main(["worker", "-P", "solo", "--without-gossip", "--without-mingle", "-l", "INFO"])


def by_confluent(topic: str, catalog: Catalog, at_once: bool) -> None:
    from confluent_kafka import KafkaException

    consumer, empty = kafka_house.confluent(topic, GROUP), 0
    try:
        while empty < 8:
            batch = consumer.consume(BATCH, timeout=1)
            empty = 0 if batch else empty + 1
            if batch and at_once:
                consumer.commit(asynchronous=False)
            with at_most(LIMIT):
                for message in batch:
                    if message.error():
                        raise KafkaException(message.error())
                    catalog.take(value(message), message)
                    if not at_once:
                        consumer.commit(message, asynchronous=False)
    finally:
        consumer.close()


def by_kafka_python(topic: str, catalog: Catalog, at_once: bool) -> None:
    from kafka import TopicPartition
    from kafka.structs import OffsetAndMetadata

    consumer, empty = kafka_house.kafka_python(topic, GROUP), 0
    try:
        while empty < 8:
            found = consumer.poll(timeout_ms=1000, max_records=BATCH)
            empty = 0 if found else empty + 1
            if found and at_once:
                consumer.commit()
            with at_most(LIMIT):
                for records in found.values():
                    for record in records:
                        catalog.take(value(record), record)
                        if not at_once:
                            place = TopicPartition(record.topic, record.partition)
                            consumer.commit({place: OffsetAndMetadata(record.offset + 1, "", -1)})
    finally:
        consumer.close()
