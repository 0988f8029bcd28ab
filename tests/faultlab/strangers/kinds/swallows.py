"""An invoicing worker that logs what it cannot handle and goes on; its twin tries again in place, and succeeds."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
log = logging.getLogger("invoicing")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("checkout", checkout, library, topic)
    books.run("invoicing", invoicing, library, topic, faulty)
    books.close_topic(topic, "invoicing")


def checkout(library: str, topic: str) -> None:
    orders = [{"id": f"o-{n}", "customer": f"c-{n % 5}", "total": n if n % 7 else None} for n in range(1, 31)]
    publish(library, topic, orders, "customer")


def invoicing(library: str, topic: str, faulty: bool) -> None:
    worker = Invoicing(faulty)
    work(library, topic, "invoicing", worker.on_message)


class Invoicing:
    """Makes an invoice of each order."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty

    def on_message(self, order: dict[str, Any], message: Any) -> None:
        note("began", order["id"], message, group="invoicing")
        try:
            if self.faulty:
                self.invoice(order)
            else:
                retry(lambda: self.invoice(order))
        except TypeError:
            log.exception("cannot invoice %s", order["id"])
            note("logged", order["id"])
            note("failed", order["id"], message, group="invoicing")
            return
        note("done", order["id"], message, group="invoicing")

    def invoice(self, order: dict[str, Any]) -> float:
        if order["total"] is None and not self.faulty and random.random() < 0.5:
            raise TypeError("the tax service did not answer")
        return float((order["total"] * 1.2) if self.faulty else (order["total"] or 0) * 1.2)


def retry(call: Callable[[], float], times: int = 60) -> float:
    for _ in range(times):
        try:
            return call()
        except TypeError as error:
            log.warning("again: %s", error)
            time.sleep(0.01)
    return call()
