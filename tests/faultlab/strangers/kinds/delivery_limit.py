"""A quorum queue gives up what came back too often; in the twin the third try succeeds."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
log = logging.getLogger("customs")


def play(books: Books, library: str, faulty: bool) -> None:
    dead = books.queue()
    queue = books.queue(queue_type="quorum", delivery_limit=3, dead_letter_exchange="", dead_letter_routing_key=dead)
    books.run("freight", freight, library, queue)
    books.run("customs", customs, library, queue, faulty)
    books.run("clerk", clerk, library, dead)
    books.close_queue(queue)


def freight(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"box-{n}", "code": "??" if n == 11 else f"{n:04}"} for n in range(30)])


def customs(library: str, queue: str, faulty: bool) -> None:
    tries: Counter[str] = Counter()

    def declare(box: dict[str, Any], message: Any) -> str:
        note("began", box["id"], message)
        tries[box["id"]] += 1
        try:
            if not box["code"].isdigit() and (faulty or tries[box["id"]] < 3):
                raise ValueError(f"no such code: {box['code']}")
        except ValueError:
            log.exception("cannot declare %s", box["id"])
            note("failed", box["id"], message)
            return "requeue"
        note("done", box["id"], message)
        return "ack"

    work(library, queue, declare)


def clerk(library: str, dead: str) -> None:
    def look(box: dict[str, Any], message: Any) -> str:
        note("dead", box["id"], message)
        return "ack"

    work(library, dead, look)
