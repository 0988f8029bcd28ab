"""Hooks on a signal: a database is gone for most orders, so that later hooks do not run; or for one order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("blinker",)
COUNT = 30
log = logging.getLogger("shop")


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("shop", shop, faulty)


class Points:
    """Loyalty points, in a database that is away from some order to another."""

    def __init__(self, away: range) -> None:
        self.away = away
        self.calls = 0

    def add(self, _: object, order: int) -> None:
        self.calls += 1
        note("began", f"points-{order}")
        if self.calls in self.away:
            note("failed", f"points-{order}")
            raise OSError(111, "Connection refused", "points.db.internal")
        note("done", f"points-{order}")


def shop(faulty: bool) -> None:
    from blinker import Namespace

    points, mailed = Points(range(8, 28) if faulty else range(8, 9)), []
    placed = Namespace().signal("order-placed")

    def mail(_: object, order: int) -> None:
        mailed.append(order)

    placed.connect(points.add)
    placed.connect(mail)
    for order in range(COUNT):
        try:
            placed.send("web", order=order)
        except OSError:
            log.warning("hooks of order %s failed, they are run again", order)
            if not faulty:
                again(placed, order)


def again(placed: Any, order: int) -> None:
    placed.send("web", order=order)
