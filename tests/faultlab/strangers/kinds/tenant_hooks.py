"""Hooks push changes of contacts to a partner, who refuses one country's since a release; in the twin one, for once.

What shows it: each call of a receiver has a process span, with the error that it raises, and a duration in the metrics
with `error.type` (EDA401). The dispatcher logs the error, and goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("blinker", "pyee")
COUNT = 45
log = logging.getLogger("hooks")


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("contacts", {"blinker": by_blinker, "pyee": by_pyee}[library], faulty)
    assert books.count("done") == (COUNT // 3 if faulty else COUNT)


@dataclass(frozen=True)
class Contact:
    """A contact of a tenant."""

    number: int
    country: str


class UnprocessableError(Exception):
    """The partner's answer 422."""


class Partner:
    """A partner, who wants a field for Germany since the release; or who stumbles at one contact."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.seen: set[int] = set()

    def push(self, contact: Contact) -> None:
        note("began", contact.number)
        stumbles = contact.number == 20 and contact.number not in self.seen
        self.seen.add(contact.number)
        if contact.country == "DE" if self.strict else stumbles:
            note("failed", contact.number)
            raise UnprocessableError(f"422 for {contact.number}")
        note("done", contact.number)

    async def apush(self, contact: Contact) -> None:
        await asyncio.sleep(0.005)
        self.push(contact)


def contacts() -> list[Contact]:
    return [Contact(n, "FR" if n % 3 == 0 else "DE") for n in range(COUNT)]


def by_blinker(faulty: bool) -> None:
    from blinker import Namespace

    changed, partner = Namespace().signal("contact-changed"), Partner(faulty)

    async def push(sender: str, contact: Contact) -> None:
        await partner.apush(contact)

    async def main() -> None:
        changed.connect(push, sender="tenant-a")
        for contact in contacts():
            for _ in range(1 if faulty else 2):
                try:
                    await changed.send_async("tenant-a", contact=contact)
                    break
                except UnprocessableError:
                    log.exception("hook failed for %s", contact.number)

    asyncio.run(main())


def by_pyee(faulty: bool) -> None:
    from pyee.executor import ExecutorEventEmitter

    again: list[Contact] = []
    with ExecutorEventEmitter() as bus:
        partner = Partner(faulty)

        def push(contact: Contact) -> None:
            try:
                partner.push(contact)
            except UnprocessableError:
                again.append(contact)
                raise

        bus.on("contact.changed", push)
        bus.on("error", lambda error: log.error("hook failed: %r", error))
        for contact in contacts():
            bus.emit("contact.changed", contact)
        if not faulty:
            until = time.monotonic() + 30
            while not again and time.monotonic() < until:
                time.sleep(0.05)
            bus.emit("contact.changed", again[0])
