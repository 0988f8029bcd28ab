"""A scorer maps a pool over each batch: the first error ends the look at the results, or no call lets one out."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import batches, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP = "scorer"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("applications", applications, library, topic)
    books.run("scorer", scorer, library, topic, faulty)
    books.close_topic(topic, GROUP)


def applications(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"loan-{n}", "income": None if n in {14, 37} else 1000 + n} for n in range(50)])


class Model:
    """Scores; without an income it asks another register, or gives up."""

    def __init__(self, asks: bool) -> None:
        self.asks = asks

    def score(self, message: Any) -> float:
        loan = value(message)
        note("began", loan["id"], message, group=GROUP)
        time.sleep(0.01)
        if loan["income"] is None and not self.asks:
            note("failed", loan["id"], message, group=GROUP)
            raise TypeError("income is None")
        note("done", loan["id"], message, group=GROUP)
        return float(loan["income"] or 0) / 1000


def scorer(library: str, topic: str, faulty: bool) -> None:
    model = Model(asks=not faulty)
    scores: list[float] = []
    with ThreadPoolExecutor(4) as pool:

        def write(batch: list[Any]) -> None:
            try:
                scores.extend(pool.map(model.score, batch))
            except TypeError:
                print("batch skipped")  # that is all that this team does

        batches(library, topic, GROUP, write)
