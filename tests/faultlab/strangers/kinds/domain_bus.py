"""A bus of the house gathers its handlers' errors, and nobody looks: most fail; in the twin they are tried again.

`OTEL_EDA_REGISTRIES` names the bus, so each call of a handler has a span, with its error, and a duration in the metrics
(EDA401).
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("asyncio", "threads")
COUNT = 40


def play(books: Books, library: str, faulty: bool) -> None:
    bus = "AsyncBus" if library == "asyncio" else "PoolBus"
    books.stage.environ["OTEL_EDA_REGISTRIES"] = f"{__name__}:{bus}(subscribe,publish,kind)"
    books.run("signup-api", by_asyncio if library == "asyncio" else by_threads, faulty)


@dataclass(frozen=True)
class Event:
    """Something that has happened to a user."""

    kind: str
    user: int


class QuotaExceededError(Exception):
    """The cloud gives no more buckets."""


class Provisioner:
    """Makes a bucket for each user; the cloud may have no more, or be shortly out of breath."""

    def __init__(self, full: bool) -> None:
        self.full = full
        self.made: set[int] = set()
        self.seen: set[int] = set()

    def provision(self, event: Event) -> None:
        note("began", event.user)
        out_of_breath = event.user % 15 == 4 and event.user not in self.seen
        self.seen.add(event.user)
        if len(self.made) >= COUNT // 3 if self.full else out_of_breath:
            note("failed", event.user)
            raise QuotaExceededError(event.user)
        self.made.add(event.user)
        note("done", event.user)

    async def aprovision(self, event: Event) -> None:
        await asyncio.sleep(0.005)
        self.provision(event)


class AsyncBus:
    """Calls all handlers of an event, so that none can hurt another."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Callable[[Event], Any]]] = defaultdict(list)

    def subscribe(self, kind: str, handler: Callable[[Event], Any]) -> None:
        self._handlers[kind].append(handler)

    async def publish(self, event: Event) -> list[Any]:
        return await asyncio.gather(*(one(event) for one in self._handlers[event.kind]), return_exceptions=True)


class PoolBus:
    """Has all handlers of an event called by a pool."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._handlers: dict[str, list[Callable[[Event], Any]]] = defaultdict(list)

    def subscribe(self, kind: str, handler: Callable[[Event], Any]) -> None:
        self._handlers[kind].append(handler)

    def publish(self, event: Event) -> list[Future[Any]]:
        return [self._pool.submit(one, event) for one in self._handlers[event.kind]]


class Welcome:
    """Counts those who are welcomed."""

    def __init__(self) -> None:
        self.count = 0

    def greet(self, _: Event) -> None:
        self.count += 1

    async def agreet(self, event: Event) -> None:
        self.greet(event)


def by_asyncio(faulty: bool) -> None:
    async def main() -> None:
        bus, provisioner = AsyncBus(), Provisioner(faulty)
        bus.subscribe("user.registered", provisioner.aprovision)
        bus.subscribe("user.registered", Welcome().agreet)
        for user in range(COUNT):
            results = await bus.publish(Event("user.registered", user))
            if not faulty and any(isinstance(one, QuotaExceededError) for one in results):
                await asyncio.sleep(0.05)
                await provisioner.aprovision(Event("user.registered", user))

    asyncio.run(main())


def by_threads(faulty: bool) -> None:
    with ThreadPoolExecutor(4) as pool:
        bus, provisioner = PoolBus(pool), Provisioner(faulty)
        bus.subscribe("user.registered", provisioner.provision)
        bus.subscribe("user.registered", Welcome().greet)
        for user in range(COUNT):
            futures = bus.publish(Event("user.registered", user))
            time.sleep(0.005)
            if not faulty and any(one.exception() for one in futures):
                provisioner.provision(Event("user.registered", user))
