"""A box office registers its listeners anew when its settings change: one is not in the new list; or all of them are.

The list has `seat.release` for `seat.released`, a key that nobody checks. From then on no seat becomes free again. Of
`show.cancelled` nobody wants to know, before and after.

Shown by: `eda.unhandled.events` counts the events of that type, which had a handler before (EDA406).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from faultlab.strangers.books import Books

LIBRARIES = ("pyee", "blinker")
COUNT = 60
KINDS = ("seat.held", "seat.sold", "seat.held", "seat.released")
RIGHT = ("seat.held", "seat.sold", "seat.released")
WRONG = ("seat.held", "seat.sold", "seat.release")


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("box-office", {"pyee": by_pyee, "blinker": by_blinker}[library], faulty)
    unheard = books.count("unheard")
    assert (unheard > 0) is faulty
    if faulty:
        books.note("unhandled", who="box-office", to="seat.released")
    books.note("may", code="EDA406", where={"service": "box-office", "destination": "show.cancelled"})


@dataclass(frozen=True)
class Seat:
    """A seat of a show."""

    row: str
    number: int


class Plan:
    """Which seats are taken."""

    def __init__(self) -> None:
        self.taken: dict[Seat, str] = {}

    def handlers(self, names: Iterable[str]) -> dict[str, Callable[..., None]]:
        known = {"seat.held": self.hold, "seat.sold": self.sell, "seat.released": self.free}
        return {name: known[name] for name in names if name in known}

    def hold(self, *_: str, seat: Seat) -> None:
        self.taken[seat] = "held"

    def sell(self, *_: str, seat: Seat) -> None:
        self.taken[seat] = "sold"

    def free(self, *_: str, seat: Seat) -> None:
        self.taken.pop(seat, None)


def requests(emit: Callable[[str, Seat], Any], reload: Callable[[], None]) -> None:
    """Serve what customers ask for, with a change of the settings in between."""
    for number in range(COUNT):
        if number == COUNT // 3:
            reload()
        kind, seat = KINDS[number % len(KINDS)], Seat("ABC"[number % 3], number // 4)
        heard = emit(kind, seat)
        if not heard:
            note("unheard", number)
        if number % 20 == 19:
            emit("show.cancelled", seat)
        time.sleep(0.02)


def by_pyee(faulty: bool) -> None:
    from pyee import EventEmitter

    bus, plan = EventEmitter(), Plan()

    def register(names: Iterable[str]) -> None:
        bus.remove_all_listeners()
        for name, handler in plan.handlers(names).items():
            bus.on(name, handler)

    register(RIGHT)
    requests(lambda name, seat: bus.emit(name, seat=seat), lambda: register(WRONG if faulty else RIGHT))


def by_blinker(faulty: bool) -> None:
    from blinker import Namespace

    bus, plan = Namespace(), Plan()
    connected: dict[str, Callable[..., None]] = {}

    def register(names: Iterable[str]) -> None:
        for name, handler in connected.items():
            bus.signal(name).disconnect(handler)
        connected.clear()
        connected.update(plan.handlers(names))
        for name, handler in connected.items():
            bus.signal(name).connect(handler)

    register(RIGHT)
    requests(
        lambda name, seat: bus.signal(name).send("box-office", seat=seat), lambda: register(WRONG if faulty else RIGHT)
    )
