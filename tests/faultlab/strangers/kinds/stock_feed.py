"""A decorator of the house logs whatever a stock handler raises: bundles fail since a release; or all is only logged.

Offsets are committed automatically, which is the clients' default. The twin's handlers do all of their work, and log an
error when a stock is below zero, as somebody has to look after it.

Shown by: the process spans of bundles have the event `eda.process.error_logged` with `KeyError`, and no error of their
own; the group's commits are past them (EDA104, a SUSPECT).
"""

from __future__ import annotations

import functools
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT = "stock-levels", 42
KINDS = ("sale", "sale", "delivery", "sale", "bundle", "return")
log = logging.getLogger("stock")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    bundles = sum(KINDS[n % len(KINDS)] == "bundle" for n in range(COUNT))
    consume = {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library]
    with books.serving("stock-levels", consume, topic, faulty):
        books.run("tills", tills, library, topic)
        books.wait("done", COUNT - bundles if faulty else COUNT)
        books.wait("through", COUNT)
        time.sleep(1)
    books.close_topic(topic, GROUP)


def tills(library: str, topic: str) -> None:
    publish(
        library,
        topic,
        [{"id": f"move-{n}", "kind": KINDS[n % len(KINDS)], "article": f"a{n % 7}"} for n in range(COUNT)],
        key="article",
    )


def safely(function: Callable[..., None]) -> Callable[..., None]:
    """Have a handler never stop the consumer."""

    @functools.wraps(function)
    def wrapped(stock: Stock, event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=GROUP)
        try:
            function(stock, event)
        except Exception:
            log.exception("%s failed for %s", function.__name__, event["id"])
            note("failed", event["id"], message, group=GROUP)
            note("logged", event["id"])
        else:
            note("done", event["id"], message, group=GROUP)

    return wrapped


class Stock:
    """Counts articles."""

    def __init__(self, renamed: bool) -> None:
        self.renamed = renamed
        self.levels: Counter[str] = Counter()

    def handle(self, message: Any) -> None:
        event = value(message)
        handler = {"sale": self.less, "bundle": self.bundle}.get(event["kind"], self.more)
        handler(event, message)
        note("through")

    @safely
    def less(self, event: dict[str, Any]) -> None:
        self.levels[event["article"]] -= 1
        if self.levels[event["article"]] < 0 and not self.renamed:
            log.error("%s: stock is below zero", event["article"])

    @safely
    def more(self, event: dict[str, Any]) -> None:
        self.levels[event["article"]] += 2

    @safely
    def bundle(self, event: dict[str, Any]) -> None:
        self.levels[event["articles" if self.renamed else "article"]] -= 3


def by_kafka_python(topic: str, faulty: bool) -> None:
    stop, stock, consumer = Stop(), Stock(faulty), kafka_python(topic, GROUP, auto=True, consumer_timeout_ms=300)
    while not stop.asked:
        for message in consumer:
            stock.handle(message)
            if stop.asked:
                break
    consumer.close()


def by_confluent(topic: str, faulty: bool) -> None:
    stop, stock, consumer = Stop(), Stock(faulty), confluent(topic, GROUP, auto=True)
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is not None and not message.error():
            stock.handle(message)
    consumer.close()
