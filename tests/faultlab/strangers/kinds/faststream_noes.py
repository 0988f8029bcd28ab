"""A FastStream handler says no by raising: to what is stale, known or not due; the faulty one acknowledges first."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT = 24


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("tickets", tickets, queue, faulty) as service:
        books.run("desk", desk, queue, faulty)
        books.wait("seen", COUNT)
        books.stop(service)
    books.close_queue(queue)


def desk(queue: str, faulty: bool) -> None:
    kinds = ["new", "new", "stale", "early", "new", "known"]
    for number in range(COUNT):
        kind = "new" if faulty else kinds[number % 6]
        name = f"ticket-{number}"
        publish(
            "aio-pika", queue, [{"id": name, "kind": kind, "seats": 0 if number in {5, 16} else 2}], message_id=name
        )


class Hall:
    """Seats tickets; its plan has no place for parties of none, for which the faulty one divides."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty
        self.tries: Counter[str] = Counter()

    async def seat(self, ticket: dict[str, Any], message: Any) -> None:
        from faststream.exceptions import AckMessage, NackMessage, RejectMessage

        note("began", ticket["id"], message)
        self.tries[ticket["id"]] += 1
        if ticket["kind"] == "stale":
            self.settle("retired", ticket, message)
            raise RejectMessage
        if ticket["kind"] == "known":
            self.settle("filtered", ticket, message)
            raise AckMessage
        if ticket["kind"] == "early" and self.tries[ticket["id"]] < 5:
            await asyncio.sleep(0.02)
            raise NackMessage(requeue=True)
        await asyncio.sleep(0.01)
        if self.faulty and not ticket["seats"]:
            self.settle("failed", ticket, message)
            note("logged", ticket["id"], message)  # by FastStream, by the logger that it also gives to handlers
            raise ZeroDivisionError(ticket["id"])
        self.settle("done", ticket, message)

    @staticmethod
    def settle(what: str, ticket: dict[str, Any], message: Any) -> None:
        note(what, ticket["id"], message)
        note("seen", ticket["id"])


def tickets(queue: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker, hall = RabbitBroker(url()), Hall(faulty)
    policy = AckPolicy.ACK_FIRST if faulty else AckPolicy.REJECT_ON_ERROR

    async def on_ticket(ticket: dict[str, Any], message: RabbitMessage) -> None:
        await hall.seat(ticket, message.raw_message)

    on_ticket.__annotations__ = {"ticket": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True), ack_policy=policy)(on_ticket)
    asyncio.run(FastStream(broker).run())
