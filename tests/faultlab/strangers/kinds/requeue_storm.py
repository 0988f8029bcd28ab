"""Shipping puts back what has no address, at once and for ever; its twin waits for the address by a delay queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    later = books.queue(message_ttl=300, dead_letter_exchange="", dead_letter_routing_key=queue)
    books.run("shop", shop, library, queue)
    books.run("shipping", shipping, library, queue, later, faulty)
    books.close_queue(queue)


def shop(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"s-{n}", "address": None if n == 6 else f"street {n}"} for n in range(15)])


def shipping(library: str, queue: str, later: str, faulty: bool) -> None:
    tries = 0

    def ship(event: dict[str, Any], message: Any) -> str:
        nonlocal tries
        note("began", event["id"], message)
        if event["address"] or (not faulty and tries >= 2):
            note("done", event["id"], message)
            return "ack"
        tries += 1
        if not faulty:
            publish(library, later, [event])
            return "ack"
        note("failed", event["id"], message)
        if tries > 60:
            raise SystemExit(0)  # the operator has seen the load
        return "requeue"

    work(library, queue, ship, prefetch=1)
