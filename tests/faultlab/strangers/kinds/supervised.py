"""A worker of middleware is started anew by its supervisor when it dies: it commits before its handler, or after it.

Shown by: within the process span that ends with an `error.type` there is a commit with an `eda.commit.offset` past its
message, and the next consumer of the group begins behind it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faultlab.strangers.books import Books

    Next = Callable[["Context"], None]

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "tickets"
MORE: dict[str, Any] = {"session.timeout.ms": 20_000}
IDLE = 8.0  # seconds
log = logging.getLogger("supervisor")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("box-office", box_office, library, topic)
    books.run("tickets", tickets, library, topic, faulty)
    books.close_topic(topic, GROUP)


def box_office(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"t-{n}", "seat": f"row {n // 6}, {n % 6}"} for n in range(30)])


class Context:
    """One message on its way through the middleware."""

    def __init__(self, event: dict[str, Any], message: Any, commit: Callable[[], None]) -> None:
        self.event, self.message, self.commit = event, message, commit


def timing(context: Context, call: Next) -> None:
    began = time.monotonic()
    try:
        call(context)
    finally:
        log.debug("%s took %.3f s", context.event["id"], time.monotonic() - began)


def commit_first(context: Context, call: Next) -> None:
    context.commit()
    call(context)


def commit_last(context: Context, call: Next) -> None:
    call(context)
    context.commit()


class Printer:
    """Prints tickets, if its connection is not stale."""

    def __init__(self) -> None:
        self.stale = {"t-7", "t-19"}

    def __call__(self, context: Context) -> None:
        name = context.event["id"]
        note("began", name, context.message, group=GROUP)
        time.sleep(0.02)
        if name in self.stale:
            self.stale.remove(name)
            note("failed", name, context.message, group=GROUP)
            raise ConnectionResetError(f"printer: {name}")
        note("done", name, context.message, group=GROUP)


def onion(middleware: list[Callable[[Context, Next], None]], handler: Next) -> Next:
    if not middleware:
        return handler
    first, inner = middleware[0], onion(middleware[1:], handler)
    return lambda context: first(context, inner)


def tickets(library: str, topic: str, faulty: bool) -> None:
    call = onion([timing, commit_first if faulty else commit_last], Printer())
    worker = by_kafka_python if library == "kafka-python" else by_confluent
    for attempt in range(5):
        try:
            worker(topic, call)
        except ConnectionError:
            log.exception("the worker has died, start %d follows", attempt + 2)
            time.sleep(0.5)
        else:
            break


def by_kafka_python(topic: str, call: Next) -> None:
    from kafka import TopicPartition
    from kafka.structs import OffsetAndMetadata

    consumer = kafka_python(topic, GROUP, session_timeout_ms=20_000, consumer_timeout_ms=int(IDLE * 1000))
    try:
        for record in consumer:
            at = {TopicPartition(topic, record.partition): OffsetAndMetadata(record.offset + 1, "", -1)}
            call(Context(value(record), record, lambda at=at: consumer.commit(at)))  # type: ignore[misc]
    finally:
        consumer.close()


def by_confluent(topic: str, call: Next) -> None:
    consumer = confluent(topic, GROUP, **MORE)
    try:
        for message in polled(consumer):
            call(Context(value(message), message, lambda message=message: commit(consumer, message)))  # type: ignore[misc]
    finally:
        consumer.close()


def commit(consumer: Any, message: Any) -> None:
    consumer.commit(message, asynchronous=False)


def polled(consumer: Any) -> Iterator[Any]:
    patience = 60.0
    while (message := consumer.poll(patience)) is not None:
        if message.error() is None:
            patience = IDLE
            yield message
