"""Offers to couriers are valid for two seconds, and the app's service is being deployed: they expire and nobody knows.

A FastStream service publishes them with an expiration to a queue without a dead-letter exchange. The twin's offers are
valid for a minute, and wait until the new release is there.

Shown by: confirmed sends to the queue for which no process has a process span, while those before and after them have
one (EDA104, a SUSPECT). The seconds in which nobody reads are there, too (EDA504 may be said of them).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faststream-rabbit",)
COUNT = 16
SHORT, LONG = 2, 120  # seconds


def play(books: Books, library: str, faulty: bool) -> None:
    queue, valid = books.queue(), SHORT if faulty else LONG
    with books.running("courier-app", app, queue) as old:
        books.run("dispatch", dispatch, queue, valid, 0, True)
        books.wait("done", COUNT)
        books.stop(old)
    books.run("dispatch", dispatch, queue, valid, COUNT, False)
    time.sleep(SHORT + 2)
    with books.running("courier-app", app, queue) as new:
        books.wait("up", 2)
        if not faulty:
            books.wait("done", 2 * COUNT)
        before = books.count("done")
        books.run("dispatch", dispatch, queue, LONG, 2 * COUNT, False)
        books.wait("done", before + COUNT)
        books.stop(new)
    books.close_queue(queue)
    assert books.count("done") == (2 if faulty else 3) * COUNT
    books.note(
        "may", code="EDA504", where={"within": queue}
    )  # nobody read for some seconds, and all was well after that


def dispatch(queue: str, valid: int, first: int, wait: bool) -> None:
    async def main() -> None:
        from faststream.rabbit import RabbitBroker

        # The first offers must not grow old while the app starts.
        valid_for = LONG if wait else valid
        async with RabbitBroker(url()) as broker:
            for number in range(first, first + COUNT):
                offer = {"id": f"offer-{number}", "euro": 4 + number % 3}
                note("sent", offer["id"], to=queue)
                await broker.publish(offer, queue, expiration=valid_for, persist=True)

    asyncio.run(main())


async def show(offer: dict[str, Any], raw: Any) -> None:
    """Show an offer on the couriers' phones."""
    note("began", offer["id"], raw)
    await asyncio.sleep(0.01)
    note("done", offer["id"], raw)


def app(queue: str) -> None:
    from faststream import FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(url())

    async def on_offer(offer: dict[str, Any], message: RabbitMessage) -> None:
        await show(offer, message.raw_message)

    async def started() -> None:
        note("up")

    on_offer.__annotations__ = {"offer": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True))(on_offer)
    asyncio.run(FastStream(broker, after_startup=[started]).run())
