"""A shop's domain events in the process: one listener is bound for one time only; its twin's hooks are optional."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyee", "blinker")


@dataclass
class Order:
    """An order."""

    id: int
    total: float


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("shop", {"pyee": by_pyee, "blinker": by_blinker}[library], faulty)


class Mailer:
    """Sends mails."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def confirm(self, order: Order, **_: Any) -> None:
        self.sent.append(order.id)


def by_pyee(faulty: bool) -> None:
    from pyee.base import EventEmitter

    bus, mailer = EventEmitter(), Mailer()
    bus.once("started", lambda: None)
    (bus.once if faulty else bus.on)("order.placed", mailer.confirm)
    bus.emit("started")
    for number in range(12):
        if not bus.emit("order.placed", Order(number, 9.5)):
            note("unhandled", number, to="order.placed")
        if not faulty:
            bus.emit("order.audited", Order(number, 9.5))  # for plugins, of which there are none
    if not faulty:
        note("may", code="EDA406", where={"service": "shop", "destination": "order.audited"})


def by_blinker(faulty: bool) -> None:
    from blinker import Namespace

    signals, mailer = Namespace(), Mailer()
    placed, audited = signals.signal("order-placed"), signals.signal("order-audited")

    def confirm(sender: object, order: Order) -> None:
        mailer.confirm(order)

    if faulty:
        placed.connect(confirm, sender="web")
    else:
        placed.connect(confirm)
    for number in range(12):
        sender = "app" if number % 3 == 0 else "web"
        if not placed.send(sender, order=Order(number, 9.5)):
            note("unhandled", number, to="order-placed")
        if not faulty:
            audited.send(sender, order=Order(number, 9.5))
