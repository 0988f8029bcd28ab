"""A worker's base class logs what a handler raises and commits; or the handler of one kind gets by with the old field.

The producer's release has renamed a field of one kind of event. Shown by: the log record (`ERROR`, with the exception)
that is within the process span of each such event, which itself has no error; the commit behind it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

    Event = dict[str, Any]

LIBRARIES = ("kafka-python",)
GROUP = "bookkeeping"
COUNT = 24
log = logging.getLogger("bookkeeping")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.serving("bookkeeping", bookkeeping, topic, faulty):
        books.wait("up", 1)
        books.run("till", till, library, topic)
        books.wait("through", COUNT)
    books.close_topic(topic, GROUP)


def till(library: str, topic: str) -> None:
    kinds = ("sale", "sale", "refund", "deposit")
    field = {"sale": "amount", "refund": "amount_minor", "deposit": "amount"}
    events = [{"id": f"tx-{n}", "kind": kinds[n % 4], field[kinds[n % 4]]: 100 + n} for n in range(COUNT)]
    publish(library, topic, events)


class Worker:
    """What all workers of the team are made of."""

    group: ClassVar[str]
    handlers: ClassVar[dict[str, str]]

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def run(self) -> None:
        stop = Stop()
        consumer = kafka_python(self.topic, self.group, session_timeout_ms=20_000, consumer_timeout_ms=300)
        note("up")
        while not stop.asked:
            for record in consumer:
                try:
                    self.dispatch(record)
                except Exception:
                    log.exception("could not handle %s/%s", record.partition, record.offset)
                    note("logged", value(record)["id"], record)
                consumer.commit()
                note("through")
        consumer.close()

    def dispatch(self, record: Any) -> None:
        event = value(record)
        handler: Callable[[Event], None] = getattr(self, self.handlers[event["kind"]])
        note("began", event["id"], record, group=self.group)
        handler(event)
        note("done", event["id"], record, group=self.group)


class Bookkeeping(Worker):
    """Keeps the balance of the day."""

    group = GROUP
    handlers: ClassVar[dict[str, str]] = {"sale": "plus", "deposit": "plus", "refund": "minus"}

    def __init__(self, topic: str, faulty: bool) -> None:
        super().__init__(topic)
        self.faulty, self.balance = faulty, 0

    def plus(self, event: Event) -> None:
        self.balance += event["amount"]

    def minus(self, event: Event) -> None:
        if self.faulty:
            self.balance -= event["amount"]
            return
        try:
            self.balance -= event["amount"]
        except KeyError:
            log.info("%s is of the new kind", event["id"])
            self.balance -= event["amount_minor"]


def bookkeeping(topic: str, faulty: bool) -> None:
    Bookkeeping(topic, faulty).run()
