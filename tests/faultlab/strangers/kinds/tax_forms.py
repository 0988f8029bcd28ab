"""A FastStream service puts back what fails, and one form always does: it goes round and round; or soon succeeds.

What shows it: many process spans of one message, each with the same error, while those of the others have none
(EDA402). They are more than half of all process spans (EDA403).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note, where
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, ROUNDS = 30, 90


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("tax-office", tax_office, queue, faulty) as office:
        books.wait("up", 1)
        books.run("portal", portal, library, queue)
        books.wait("done", COUNT - 1 if faulty else COUNT)
        if faulty:
            books.wait("failed", ROUNDS)
        books.stop(office)


def portal(library: str, queue: str) -> None:
    forms = [{"id": f"form-{n}", "income": "12.000,50" if n == 7 else f"{n}000.50"} for n in range(COUNT)]
    publish(library, queue, forms)


class Assessor:
    """Reads forms; the twin learns of the other way to write a number, at the second look."""

    def __init__(self, learns: bool) -> None:
        self.learns = learns
        self.seen: set[str] = set()

    async def assess(self, form: dict[str, Any], message: Any) -> None:
        at = {"trace_id": where(message)["created"].partition("-")[0]}
        note("began", form["id"], at=at)
        await asyncio.sleep(0.01)
        try:
            self.income(form)
        except ValueError:
            note("failed", form["id"], at=at)
            raise
        note("done", form["id"], at=at)

    def income(self, form: dict[str, Any]) -> float:
        text = str(form["income"])
        if self.learns and form["id"] in self.seen:
            text = text.replace(".", "").replace(",", ".")
        self.seen.add(form["id"])
        return float(text)


def tax_office(queue: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker, assessor = RabbitBroker(url()), Assessor(not faulty)

    async def on_form(event: dict[str, Any], message: RabbitMessage) -> None:
        await assessor.assess(event, message.raw_message)

    async def started() -> None:
        note("up")

    on_form.__annotations__ = {"event": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True), ack_policy=AckPolicy.NACK_ON_ERROR)(on_form)
    asyncio.run(FastStream(broker, after_startup=[started]).run())
