"""Offers expire unread in a queue without dead letters, since the reader was off; its twin's reader was in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(message_ttl=4000 if faulty else 60_000)
    books.run("pricing", pricing, library, queue, 0)
    books.run("offers", offers, library, queue)
    books.run("pricing", pricing, library, queue, 20)
    time.sleep(4.5)
    books.run("pricing", pricing, library, queue, 40)
    books.run("offers", offers, library, queue)
    books.close_queue(queue)


def pricing(library: str, queue: str, first: int) -> None:
    publish(library, queue, [{"id": f"f-{first + n}", "price": n} for n in range(10)])


def offers(library: str, queue: str) -> None:
    def show(event: dict[str, Any], message: Any) -> str:
        note("began", event["id"], message)
        note("done", event["id"], message)
        return "ack"

    work(library, queue, show)
