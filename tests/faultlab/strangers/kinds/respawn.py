"""A consumer is started anew after each error, and one message always is one; or its service was away for a bit.

Shown by: process spans of one offset with an error, three and more, and none of it without; those of the others
have no error.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, publish, value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "geocoder"
COUNT, BAD = 30, 17
log = logging.getLogger("geocoder")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("crm", crm, library, topic, faulty)
    with books.serving("geocoder", geocoder, topic):
        if faulty:
            books.wait("failed", 5)
            for code in ("EDA504", "EDA803"):
                books.note("may", code=code, where={"group": GROUP})  # what is behind the bad one waits
        else:
            books.wait("through", COUNT)
    books.close_topic(topic, GROUP)


def crm(library: str, topic: str, faulty: bool) -> None:
    def country(number: int) -> str | None:
        if number != BAD:
            return "de"
        return None if faulty else "fr"

    publish(library, topic, [{"id": f"address-{n}", "country": country(n)} for n in range(COUNT)])


class Geocoder:
    """Finds the place of an address; the service for France is down at first."""

    def __init__(self) -> None:
        self.refusals = 2

    async def handle(self, record: Any) -> None:
        address = value(record)
        note("began", address["id"], record, group=GROUP)
        try:
            await self.locate(address)
        except Exception:
            note("failed", address["id"], record, group=GROUP)
            raise
        note("done", address["id"], record, group=GROUP)

    async def locate(self, address: dict[str, Any]) -> None:
        country = address["country"].upper()
        await asyncio.sleep(0.02)
        if country == "FR" and self.refusals:
            self.refusals -= 1
            raise ConnectionError("503 from geo-fr")


async def consume(topic: str, stop: Stop, handle: Callable[[Any], Awaitable[None]]) -> None:
    async with aio(topic, GROUP) as consumer:
        while not stop.asked:
            for records in (await consumer.getmany(timeout_ms=500, max_records=1)).values():
                for record in records:
                    await handle(record)
                await consumer.commit()
                note("through")


async def forever(topic: str) -> None:
    stop, worker, pause = Stop(), Geocoder(), 0.25
    while not stop.asked:
        try:
            await consume(topic, stop, worker.handle)
        except Exception:
            log.exception("consumer failed, next start in %.1f s", pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, 2)


def geocoder(topic: str) -> None:
    asyncio.run(forever(topic))
