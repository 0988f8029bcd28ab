"""What is rejected waits in a queue of its own, and comes back: until somebody gives it up, or until it succeeds."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
GIVE_UP = 6
log = logging.getLogger("crm-sync")


def play(books: Books, library: str, faulty: bool) -> None:
    exchange = books.stage.lab.rabbitmq.exchange("direct")
    queue = books.queue(dead_letter_exchange=exchange, dead_letter_routing_key="later")
    later = books.queue(message_ttl=300, dead_letter_exchange="", dead_letter_routing_key=queue)
    books.stage.lab.rabbitmq._connect().channel().queue_bind(later, exchange, "later")
    books.run("forms", forms, library, queue)
    books.run("crm-sync", sync, library, queue, faulty)
    books.close_queue(queue)


def forms(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"form-{n}", "email": "" if n == 9 else f"{n}@example.org"} for n in range(30)])


def sync(library: str, queue: str, faulty: bool) -> None:
    tries: Counter[str] = Counter()

    def store(form: dict[str, Any], message: Any) -> str:
        note("began", form["id"], message)
        tries[form["id"]] += 1
        if form["email"] or (not faulty and tries[form["id"]] == 3):
            note("done", form["id"], message)
            return "ack"
        note("failed", form["id"], message)
        if tries[form["id"]] == GIVE_UP:
            note("logged", form["id"], message)
            log.error("gave up %s", form["id"])
            return "ack"
        if faulty and tries[form["id"]] == 1:
            trace = message.headers["traceparent"].split("-")[1]
            note("may", code="EDA405", most="CONFIRMED", where={"trace_id": trace})
        return "reject"

    work(library, queue, store, idle=3)
