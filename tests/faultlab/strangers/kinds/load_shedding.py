"""A reader fills a bounded queue: what does not fit within 20 ms is dropped, with a warning; or the reader waits."""

from __future__ import annotations

import logging
import queue as queues
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house, rabbit_house
from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "pika")
GROUP, COUNT = "fraud-scores", 120
log = logging.getLogger("scores")


def play(books: Books, library: str, faulty: bool) -> None:
    where = books.queue() if library == "pika" else books.topic(1)
    books.run("card-terminal", terminal, library, where)
    books.run("fraud-scores", scores, library, where, faulty)
    books.close_queue(where) if library == "pika" else books.close_topic(where, GROUP)


def terminal(library: str, where: str) -> None:
    house = rabbit_house if library == "pika" else kafka_house
    house.publish(library, where, [{"id": f"payment-{n}", "amount": n * 7 % 90} for n in range(COUNT)])


@dataclass
class Scorer:
    """Scores payments in a thread of its own."""

    patience: float | None
    waiting: queues.Queue[Any] = field(default_factory=lambda: queues.Queue(maxsize=10))
    dropped: int = 0

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name="scorer")
        self.thread.start()

    def offer(self, payment: dict[str, Any], message: Any) -> None:
        try:
            self.waiting.put((payment, message), timeout=self.patience)
        except queues.Full:
            self.dropped += 1
            note("logged", payment["id"], message)
            log.warning("too many payments, %s is not scored", payment["id"])

    def _run(self) -> None:
        for payment, message in iter(self.waiting.get, None):
            note("began", payment["id"], message, group=GROUP)
            time.sleep(0.03)
            note("done", payment["id"], message, group=GROUP)

    def close(self) -> None:
        self.waiting.put(None)
        self.thread.join()


def scores(library: str, where: str, faulty: bool) -> None:
    scorer = Scorer(0.02 if faulty else None)

    def handle(payment: dict[str, Any], message: Any) -> str:
        scorer.offer(payment, message)
        return "ack"

    if library == "pika":
        rabbit_house.work(library, where, handle)
    else:
        kafka_house.work(library, where, GROUP, scorer.offer)
    scorer.close()
