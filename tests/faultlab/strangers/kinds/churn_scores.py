"""A scorer's loop fills a queue in memory, offsets are committed by the clock, and the pod is killed with a full queue.

Its twin stores an offset when the score is written, is killed as well, and scores the rest afterwards. Shown by:
`eda.commits` with `eda.commit.automatic`, send spans with offsets of which no process span ever ended, and the next
process, whose first message is behind them (EDA104).
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP, COUNT, LATER, HEAVY = "churn", 24, 12, 7


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("churn", scorer, topic, faulty, True) as first:
        books.run("crm", crm, library, topic, 0, COUNT)
        books.wait("heavy", 1)
        time.sleep(5)
        books.kill("churn", first)
    books.run("crm", crm, library, topic, COUNT, COUNT + LATER)
    with books.serving("churn", scorer, topic, faulty, False):
        books.wait("done", HEAVY + LATER if faulty else COUNT + LATER)
        time.sleep(2)
    books.close_topic(topic, GROUP)


def crm(library: str, topic: str, first: int, end: int) -> None:
    publish(library, topic, [{"id": f"customer-{n}", "calls": 4000 if n == HEAVY else n} for n in range(first, end)])


class Scorer(threading.Thread):
    """Scores customers, one after the other."""

    def __init__(self, waiting: queue.Queue[Any], careful: bool, slow: bool) -> None:
        super().__init__(name="scorer", daemon=True)
        self.waiting, self.careful, self.slow = waiting, careful, slow
        self.written: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.scores: dict[str, float] = {}

    def run(self) -> None:
        while (message := self.waiting.get()) is not None:
            self.score(message)
            if self.careful:
                self.written.put(message)
            self.waiting.task_done()

    def score(self, message: Any) -> None:
        customer = value(message)
        note("began", customer["id"], message, group=GROUP)
        if self.slow and customer["calls"] > 1000:
            note("heavy")
            time.sleep(300)
        time.sleep(0.02)
        self.scores[customer["id"]] = 1 / (1 + customer["calls"])
        note("done", customer["id"], message, group=GROUP)


def scorer(topic: str, faulty: bool, slow: bool) -> None:
    from confluent_kafka import Consumer

    stop = Stop()
    consumer = Consumer(
        {
            "bootstrap.servers": kafka(),
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 500,
            "enable.auto.offset.store": faulty,
            "session.timeout.ms": 6000,
        }
    )
    consumer.subscribe([topic])
    waiting: queue.Queue[Any] = queue.Queue()
    thread = Scorer(waiting, not faulty, slow)
    thread.start()
    while not stop.asked:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            waiting.put(message)
        while not thread.written.empty():
            consumer.store_offsets(thread.written.get())
    waiting.put(None)
    thread.join(30)
    consumer.close()
