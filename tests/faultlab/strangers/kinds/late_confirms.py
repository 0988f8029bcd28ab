"""A till waits briefly for the broker and sends the sale once more by the same id: it is booked twice; or known."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika", "pika")  # of the reader
COUNT, HASTY = 30, {3, 11, 12, 24}


def play(books: Books, library: str, faulty: bool) -> None:
    sales = books.queue()
    exchange = books.stage.lab.rabbitmq.exchange("fanout", [sales, books.queue()])
    books.run("till", till, exchange)
    books.run("ledger", ledger, library, sales, exchange, faulty)
    books.note("archive", to=exchange)  # the auditors, who read the other queue, come once a year
    books.close_queue(sales)


def till(exchange: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            target = await channel.get_exchange(exchange)
            for number in range(COUNT):
                name = f"sale-{number}"
                first = asyncio.create_task(target.publish(sale(name), ""))
                note("sent", name, to=exchange)
                # A till that is in a hurry does not even wait a moment.
                done, _ = await asyncio.wait({first}, timeout=0 if number in HASTY else 10)
                if not done:
                    note("again", name)
                    await target.publish(sale(name), "")
                await first

    def sale(name: str) -> Any:
        import aio_pika

        return aio_pika.Message(json.dumps({"id": name}).encode(), message_id=name)

    asyncio.run(main())


def ledger(library: str, queue: str, exchange: str, faulty: bool) -> None:
    seen: set[str] = set()

    def book(sale: dict[str, Any], message: Any) -> str:
        note("began", sale["id"], message)
        if sale["id"] in seen:
            trace = message.headers["traceparent"].split("-")[1]
            note("may", code="EDA201", most="CONFIRMED", where={"trace_id": trace})
            if not faulty:
                note("filtered", sale["id"], message)
                return "ack"
            # Whose id it is, the event's or the order's, no telemetry tells.
            note("must", code="EDA201", least="SUSPECT", where={"within": exchange})
        seen.add(sale["id"])
        note("done", sale["id"], message)
        return "ack"

    work(library, queue, book)
