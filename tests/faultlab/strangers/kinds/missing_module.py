"""The settings list the modules with handlers for a bus: the one for refunds is forgotten; or none is."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from faultlab.strangers import kafka_house, rabbit_house
from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "pika")
GROUP = "accounting"
KINDS = ("order.placed", "order.paid", "order.viewed", "order.refunded")


def play(books: Books, library: str, faulty: bool) -> None:
    where = books.queue() if library == "pika" else books.topic(1)
    books.stage.environ["OTEL_EDA_REGISTRIES"] = f"{__name__}:Bus(subscribe,publish,name)"
    books.stage.environ["HANDLERS"] = "invoices" if faulty else "invoices,refunds"
    books.run("shop", shop, library, where)
    books.run("accounting", accounting, library, where)
    # Views are for the statistics' worker.
    books.note("may", code="EDA406", where={"service": "accounting", "destination": "order.viewed"})
    if library == "pika":
        books.close_queue(where)
    else:
        books.close_topic(where, GROUP)


@dataclass(frozen=True)
class Event:
    """Something that has happened to an order."""

    name: str
    order: str
    amount: int
    message: Any


class Bus:
    """Knows who wants to hear of what."""

    def __init__(self) -> None:
        self._subscribers: dict[str, list[Callable[[Event], None]]] = defaultdict(list)

    def subscribe(self, name: str, handler: Callable[[Event], None]) -> None:
        self._subscribers[name].append(handler)

    def publish(self, event: Event) -> int:
        for handler in self._subscribers[event.name]:
            handler(event)
        return len(self._subscribers[event.name])


class Invoices:
    """Writes invoices."""

    def __init__(self, bus: Bus) -> None:
        bus.subscribe("order.placed", self.write)
        bus.subscribe("order.paid", self.close)

    def write(self, event: Event) -> None:
        self._book(event, event.amount)

    def close(self, event: Event) -> None:
        self._book(event, 0)

    def _book(self, event: Event, amount: int) -> None:
        note("booked", event.order, amount=amount)


class Refunds:
    """Gives money back."""

    def __init__(self, bus: Bus) -> None:
        bus.subscribe("order.refunded", self.pay)

    def pay(self, event: Event) -> None:
        note("booked", event.order, amount=-event.amount)


class Modules:
    """The application's modules by their names in the settings."""

    known: ClassVar[dict[str, type]] = {"invoices": Invoices, "refunds": Refunds}

    @classmethod
    def load(cls, bus: Bus) -> list[object]:
        return [cls.known[name](bus) for name in os.environ["HANDLERS"].split(",")]


def shop(library: str, where: str) -> None:
    house = rabbit_house if library == "pika" else kafka_house
    events = [{"id": f"{n}-{name}", "name": name, "order": f"order-{n}"} for n in range(12) for name in KINDS]
    house.publish(library, where, events)


def accounting(library: str, where: str) -> None:
    bus = Bus()
    modules = Modules.load(bus)

    def handle(event: dict[str, Any], message: Any) -> str:
        note("began", event["id"], message, group=GROUP)
        heard = bus.publish(Event(event["name"], event["order"], 100, message))
        if not heard and event["name"] == "order.refunded":
            note("unhandled", event["id"], to="order.refunded")
        note("done", event["id"], message, group=GROUP)
        return "ack"

    house: Any = rabbit_house if library == "pika" else kafka_house
    house.work(library, where, handle) if library == "pika" else house.work(library, where, GROUP, handle)
    assert modules
