"""A shop's bus in the process: since a release the coupon handler lacks a setting, and fails at most orders; or at one.

What shows it: each call of the handler has a process span with its `error.type`, and counts in `eda.handler.duration`
(EDA401). The shop catches what comes out of the bus, and logs it. In the twin a cache is cold once, and a second event
has no handler by intent.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyee", "blinker")
COUNT = 30
log = logging.getLogger("shop")


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("shop-web", {"pyee": by_pyee, "blinker": by_blinker}[library], faulty)
    assert books.count("done") == (COUNT // 5 if faulty else COUNT)
    if not faulty:
        books.note("may", code="EDA406", where={"service": "shop-web"})


class Coupons:
    """Gives a coupon for an order, by the settings of its country."""

    def __init__(self, faulty: bool) -> None:
        self.percent = {"CH": 5} if faulty else {"CH": 5, "DE": 7}
        self.cold = not faulty

    def grant(self, order: int, country: str) -> None:
        note("began", f"order-{order}")
        time.sleep(0.005)
        if country not in self.percent or (self.cold and order == 11):
            self.cold = False
            note("failed", f"order-{order}")
            raise KeyError(country)
        note("done", f"order-{order}")


class Mailer:
    """Says thank you."""

    def __init__(self) -> None:
        self.thanked: list[tuple[int, str]] = []

    def thank(self, order: int, country: str) -> None:
        time.sleep(0.002)
        self.thanked.append((order, country))


def by_pyee(faulty: bool) -> None:
    from pyee.base import EventEmitter

    class ShopBus(EventEmitter):
        """The bus of the house, with a decorator for methods."""

        def subscribe(self, *objects: Any) -> None:
            for one in objects:
                for name in ("thank", "grant"):
                    if hasattr(one, name):
                        self.on("order.paid", getattr(one, name))

    bus = ShopBus()
    bus.subscribe(Mailer(), Coupons(faulty))
    serve(lambda order, country: bus.emit("order.paid", order, country), faulty)
    if not faulty:
        bus.emit("shop.closing", 0, "CH")


def by_blinker(faulty: bool) -> None:
    from blinker import Namespace

    signals, mailer, coupons = Namespace(), Mailer(), Coupons(faulty)
    paid, closing = signals.signal("order-paid"), signals.signal("shop-closing")

    @paid.connect
    def thank(sender: str, order: int, country: str) -> None:
        mailer.thank(order, country)

    @paid.connect_via("shop")
    def grant(sender: str, order: int, country: str) -> None:
        coupons.grant(order, country)

    serve(lambda order, country: paid.send("shop", order=order, country=country), faulty)
    if not faulty:
        closing.send("shop")


def serve(emit: Any, faulty: bool) -> None:
    """Serve requests in threads, each of which pays an order."""

    def request(order: int) -> None:
        country = "CH" if order % 5 == 0 else "DE"
        for _ in range(1 if faulty else 2):
            try:
                emit(order, country)
                return
            except KeyError:
                log.exception("hooks of order %d", order)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(request, range(COUNT)))
