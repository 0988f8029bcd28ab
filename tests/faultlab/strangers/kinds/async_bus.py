"""Coroutines on an asyncio emitter: most fail, and the handler of errors says nothing; in the twin a few do, once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyee",)
COUNT = 40


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("accounts", accounts, faulty)


class Avatars:
    """Fetches pictures from a host that has moved, or that is slow at times."""

    def __init__(self, moved: bool) -> None:
        self.moved = moved
        self.tried: set[int] = set()

    async def fetch_with_patience(self, user: int) -> None:
        try:
            await self.fetch(user)
        except LookupError:
            await self.fetch(user)

    async def fetch(self, user: int) -> None:
        note("began", user)
        await asyncio.sleep(0.01)
        if user % 4 if self.moved else user % 13 == 7 and user not in self.tried:
            self.tried.add(user)
            note("failed", user)
            raise LookupError(f"404 for {user}")
        note("done", user)


def accounts(faulty: bool) -> None:
    async def main() -> None:
        from pyee.asyncio import AsyncIOEventEmitter

        bus, avatars = AsyncIOEventEmitter(), Avatars(faulty)
        fetch = avatars.fetch if faulty else avatars.fetch_with_patience

        @bus.on("user.created")
        async def on_user(user: int) -> None:
            await fetch(user)

        @bus.on("error")
        def on_error(error: Any) -> None:
            pass

        for user in range(COUNT):
            bus.emit("user.created", user)
            await asyncio.sleep(0.005)
        await bus.wait_for_complete()

    asyncio.run(main())
