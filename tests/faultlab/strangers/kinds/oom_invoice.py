"""A renderer is killed, short of memory, with a batch that is committed by itself; or it commits each one when done.

Shown by: the send spans (`messaging.kafka.offset`), the links of the batch's poll and the process spans of those that
were done; `eda.commits` and the first position of the next process (`eda.consumer.position`), which are past the rest.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "invoice-pdf"
MORE: dict[str, Any] = {"session.timeout.ms": 10_000, "auto.commit.interval.ms": 1000}
COUNT, LARGE = 30, 19
FIRST, IDLE = 60.0, 8.0  # seconds


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("billing", billing, library, topic, 0)
    books.run("invoice-pdf", renderer, topic, faulty, status=KILLED, environ={"MEMORY": "256"})
    books.run("billing", billing, library, topic, COUNT)
    books.run("invoice-pdf", renderer, topic, faulty, environ={"MEMORY": "4096"})
    books.close_topic(topic, GROUP)


def billing(library: str, topic: str, first: int) -> None:
    numbers = range(first, first + (COUNT if first == 0 else 10))
    publish(library, topic, [{"id": f"inv-{n}", "pages": 3000 if n == LARGE else n % 5 + 1} for n in numbers])


def renderer(topic: str, faulty: bool) -> None:
    consumer, patience = confluent(topic, GROUP, auto=faulty, **MORE), FIRST
    while messages := consumer.consume(12, timeout=patience if patience == FIRST else IDLE):
        for message in messages:
            if message.error():
                continue
            patience = IDLE
            render(message)
            if not faulty:
                consumer.commit(message, asynchronous=False)
    consumer.close()


def render(message: Any) -> None:
    invoice = value(message)
    note("began", invoice["id"], message, group=GROUP)
    time.sleep(2.5 if invoice["pages"] > 100 else 0.2)
    if invoice["pages"] > int(os.environ["MEMORY"]):
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does
    note("done", invoice["id"], message, group=GROUP)
