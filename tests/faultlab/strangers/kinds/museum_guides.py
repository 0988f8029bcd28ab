"""A museum's mediator tells its desks of what happens: one desk fails at one kind of event since a release; or once.

The mediator sends each event to the desks that registered by a decorator. It logs what they raise and goes on. The
twin's mediator tells a desk once more.

Shown by: the handler's spans of that kind have an error, and so has `eda.handler.duration` (EDA401).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faultlab.strangers.books import Books

    Handler = Callable[..., Awaitable[None]]

LIBRARIES = ("blinker", "pyee")
COUNT = 48
KINDS = ("exhibit.opened", "exhibit.moved", "group.arrived")
log = logging.getLogger("museum")


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("museum", {"blinker": by_blinker, "pyee": by_pyee}[library], faulty)
    failed = COUNT // len(KINDS) if faulty else 1
    assert books.count("failed") == failed
    assert books.count("done") == (COUNT - failed if faulty else COUNT)
    if faulty:
        books.note("must", code="EDA401", where={"service": "museum"})


class Desks:
    """The desks, each of which keeps what it is told; since the release one lacks a floor."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty
        self.floors: dict[int, str] = {} if faulty else {2: "second"}
        self.kept: list[tuple[str, int]] = []
        self.failed: list[int] = []

    async def opened(self, number: int) -> None:
        await self.keep("opened", number)

    async def arrived(self, number: int) -> None:
        await self.keep("arrived", number)

    async def moved(self, number: int) -> None:
        note("began", number)
        late = not self.faulty and number == 16 and not self.failed
        if late or 2 not in self.floors:
            self.failed.append(number)
            note("failed", number)
        _ = self.floors[3 if late else 2]
        self.kept.append(("moved", number))
        note("done", number)

    async def keep(self, kind: str, number: int) -> None:
        note("began", number)
        await asyncio.sleep(0.002)
        self.kept.append((kind, number))
        note("done", number)

    def handlers(self) -> dict[str, Handler]:
        return dict(zip(KINDS, (self.opened, self.moved, self.arrived), strict=True))


def by_blinker(faulty: bool) -> None:
    from blinker import Namespace

    bus, desks = Namespace(), Desks(faulty)
    for kind, handler in desks.handlers().items():
        bus.signal(kind).connect(handler)

    async def main() -> None:
        for number in range(COUNT):
            signal = bus.signal(KINDS[number % len(KINDS)])
            for _ in range(1 if faulty else 2):
                try:
                    await signal.send_async(number)
                    break
                except KeyError:
                    log.exception("a desk failed at %s", number)

    asyncio.run(main())


def by_pyee(faulty: bool) -> None:
    async def main() -> None:
        from pyee.asyncio import AsyncIOEventEmitter

        bus, desks = AsyncIOEventEmitter(), Desks(faulty)
        for kind, handler in desks.handlers().items():
            bus.on(kind, handler)
        again: list[int] = []

        @bus.on("error")
        def on_error(error: Any) -> None:
            log.error("a desk failed: %r", error)
            again.extend(desks.failed[-1:] if not faulty else ())

        for number in range(COUNT):
            bus.emit(KINDS[number % len(KINDS)], number)
            await asyncio.sleep(0.01)
        await bus.wait_for_complete()
        for number in again:
            bus.emit(KINDS[number % len(KINDS)], number)
        await bus.wait_for_complete()

    asyncio.run(main())
