"""Listeners within one process: most payments fail as the gateway is down; in the twin one does, and is tried again."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyee", "blinker")
log = logging.getLogger("checkout")


class GatewayError(Exception):
    """The payment gateway does not answer."""


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("checkout", {"pyee": by_pyee, "blinker": by_blinker}[library], faulty)


class Gateway:
    """Takes money; it is down for a while from the fifth payment on, or for one."""

    def __init__(self, faulty: bool) -> None:
        self.down = range(5, 25) if faulty else range(5, 6)
        self.calls = 0

    async def charge(self, basket: str) -> None:
        note("began", basket)
        self.calls += 1
        await asyncio.sleep(0.005)
        if self.calls in self.down:
            note("failed", basket)
            raise GatewayError(basket)
        note("done", basket)


def by_pyee(faulty: bool) -> None:
    from pyee.asyncio import AsyncIOEventEmitter

    async def main() -> None:
        bus, gateway, failed = AsyncIOEventEmitter(), Gateway(faulty), []

        @bus.on("basket.paid")
        async def charge(basket: str) -> None:
            await gateway.charge(basket)

        @bus.on("error")
        def on_error(error: Exception) -> None:
            log.error("%r", error)
            failed.append(str(error))

        for number in range(26):
            bus.emit("basket.paid", f"basket-{number}")
            await asyncio.sleep(0.02)
        for basket in [] if faulty else failed:
            bus.emit("basket.paid", basket)
        await bus.wait_for_complete()

    asyncio.run(main())


def by_blinker(faulty: bool) -> None:
    from blinker import signal

    paid, gateway = signal("basket-paid"), Gateway(faulty)

    async def charge(sender: Any, basket: str) -> None:
        await gateway.charge(basket)

    paid.connect(charge)

    async def main() -> None:
        for number in range(26):
            try:
                await paid.send_async("checkout", basket=f"basket-{number}")
            except GatewayError as error:
                log.exception("no money of %s", error)
                if not faulty:
                    await paid.send_async("checkout", basket=f"basket-{number}")

    asyncio.run(main())
