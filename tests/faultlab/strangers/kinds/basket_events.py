"""A loader takes baskets by the batch, logs what goes wrong with one, and commits the batch: the rest of it is gone.

One basket has a quantity that is no number, and the error leaves the loop over its batch. The `try` is around the loop,
and the commit is behind it. The twin has the `try` within the loop, around a second way to read such a number.

Shown by: the process span of that basket has an error; those behind it in its batch have no process span, though a poll
has links to them; the group's commit is past them (EDA104).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, ODD = "basket-loader", 60, {14, 39}
log = logging.getLogger("baskets")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    load = {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library]
    books.run("web-shop", shop, library, topic, 0)
    with books.serving("basket-loader", load, topic, faulty):
        books.wait("began", 1)
        books.run("web-shop", shop, library, topic, COUNT)
        books.wait("last", 1)
        time.sleep(1)
    books.close_topic(topic, GROUP)
    assert books.count("done") < 2 * COUNT - len(ODD) if faulty else books.count("done") == 2 * COUNT


def shop(library: str, topic: str, first: int) -> None:
    baskets = [{"id": f"basket-{n}", "quantity": "2,5" if n in ODD else "2"} for n in range(first, first + COUNT)]
    publish(library, topic, baskets)


class Loader:
    """Adds up quantities."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty
        self.sum = 0.0

    def load(self, message: Any) -> None:
        basket = value(message)
        note("began", basket["id"], message, group=GROUP)
        try:
            self.sum += float(basket["quantity"])
        except ValueError:
            if self.faulty:
                note("failed", basket["id"], message, group=GROUP)
                raise
            self.sum += float(basket["quantity"].replace(",", "."))
        note("done", basket["id"], message, group=GROUP)
        if basket["id"] == f"basket-{2 * COUNT - 1}":
            note("last")


def by_kafka_python(topic: str, faulty: bool) -> None:
    stop, loader, consumer = Stop(), Loader(faulty), kafka_python(topic, GROUP)
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300, max_records=12).values():
            try:
                for record in records:
                    loader.load(record)
            except ValueError:
                log.exception("a batch of %d failed", len(records))
            consumer.commit()
    consumer.close()


def by_confluent(topic: str, faulty: bool) -> None:
    stop, loader, consumer = Stop(), Loader(faulty), confluent(topic, GROUP)
    while not stop.asked:
        messages = consumer.consume(12, timeout=0.3)
        try:
            for message in messages:
                if not message.error():
                    loader.load(message)
        except ValueError:
            log.exception("a batch of %d failed", len(messages))
        if messages:
            consumer.commit(asynchronous=False)
    consumer.close()
