"""A consumer emits each invoice to handlers that run in tasks, and commits at once; its twin waits for them.

A handler's span ends with its error, in the trace of the message, and the error is logged; the message's own process
span succeeds, and is committed past. Only the log and the handler tell, so that EDA104 is a SUSPECT.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import IDLE, aio, publish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("pyee", "blinker")
GROUP, COUNT, PRIVATE = "bookkeeping", 30, {5, 14, 22}
log = logging.getLogger("bookkeeping")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("billing", billing, topic)
    books.run("bookkeeping", bookkeeping, library, topic, faulty)
    books.close_topic(topic, GROUP)


def billing(topic: str) -> None:
    invoices = [{"id": f"invoice-{n}", **({} if n in PRIVATE else {"vat": f"DE{n}"})} for n in range(COUNT)]
    publish("aiokafka", topic, invoices)


class Ledger:
    """Books invoices by their VAT numbers, which private persons do not have."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict

    async def book(self, invoice: dict[str, Any]) -> None:
        note("began", invoice["id"])
        await asyncio.sleep(0.03)
        if "vat" not in invoice and self.strict:
            note("failed", invoice["id"])
            note("logged", invoice["id"])  # by the listener for errors, or by asyncio
            raise LookupError(f"no VAT number on {invoice['id']}")
        note("done", invoice["id"], group=GROUP)


async def consume(topic: str, hand: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    async with aio(topic, GROUP) as consumer:
        try:
            while True:
                message = await asyncio.wait_for(consumer.getone(), IDLE)
                await hand(json.loads(message.value))
                await consumer.commit()
        except asyncio.TimeoutError:
            pass


def bookkeeping(library: str, topic: str, faulty: bool) -> None:
    asyncio.run((by_pyee if library == "pyee" else by_blinker)(topic, faulty))


async def by_pyee(topic: str, faulty: bool) -> None:
    from pyee.asyncio import AsyncIOEventEmitter

    events = AsyncIOEventEmitter()
    events.add_listener("invoice.created", Ledger(faulty).book)

    @events.on("error")
    def on_error(error: Exception) -> None:
        log.error("a handler failed", exc_info=error)

    async def hand(invoice: dict[str, Any]) -> None:
        events.emit("invoice.created", invoice)
        if not faulty:
            await events.wait_for_complete()

    await consume(topic, hand)
    await events.wait_for_complete()


async def by_blinker(topic: str, faulty: bool) -> None:
    from blinker import Namespace

    created, ledger, running = Namespace().signal("invoice-created"), Ledger(faulty), set()

    async def on_created(_: object, invoice: dict[str, Any]) -> None:
        await ledger.book(invoice)

    async def send(invoice: dict[str, Any]) -> None:
        await created.send_async("kafka", invoice=invoice)

    created.connect(on_created)

    async def hand(invoice: dict[str, Any]) -> None:
        if not faulty:
            await send(invoice)
            return
        task = asyncio.create_task(send(invoice))
        running.add(task)  # else it may be collected, says the manual
        task.add_done_callback(running.discard)

    await consume(topic, hand)
