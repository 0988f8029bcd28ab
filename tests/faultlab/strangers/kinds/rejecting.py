"""Fraud control rejects what it cannot parse, for a dead-letter queue; its twin gets what can be parsed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
log = logging.getLogger(__name__)


def play(books: Books, library: str, faulty: bool) -> None:
    dead = books.queue()
    queue = books.queue(dead_letter_exchange="", dead_letter_routing_key=dead)
    books.run("payments", payments, library, queue, faulty)
    books.run("fraud-control", fraud_control, library, queue)
    books.run("operator", operator, library, dead)
    books.close_queue(queue)


def payments(library: str, queue: str, faulty: bool) -> None:
    bad = {4, 9, 14} if faulty else set()
    publish(library, queue, [{"id": f"t-{n}", "amount": "twelve" if n in bad else str(n)} for n in range(24)])


def fraud_control(library: str, queue: str) -> None:
    retried: set[str] = set()

    def check(event: dict[str, Any], message: Any) -> str:
        note("began", event["id"], message)
        try:
            amount = int(event["amount"])
        except ValueError:
            log.error("not an amount: %s", event["amount"])
            return "reject"
        if amount % 6 == 5 and event["id"] not in retried:
            retried.add(event["id"])  # somebody else holds the account's lock
            return "requeue"
        note("done", event["id"], message)
        return "ack"

    work(library, queue, check)


def operator(library: str, dead: str) -> None:
    def look(event: dict[str, Any], message: Any) -> str:
        note("dead", event["id"], message)
        return "ack"

    work(library, dead, look)
