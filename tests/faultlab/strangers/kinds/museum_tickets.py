"""A house bus of blinker signals behind Kafka logs what a receiver raises; one kind of event always fails; or at first.

Vouchers came with the last release, and the receiver for them reads a field that they lack. The twin's bus calls
receivers up to three times, as the seat plan is locked now and then.

Shown by: the receiver's span ends with its error below the process span of the voucher, which has the event
`eda.process.error_logged` and no error of its own, and is committed past (EDA104, a SUSPECT).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP, COUNT = "museum-gate", 36
KINDS = ("ticket.sold", "ticket.sold", "ticket.used", "voucher.sold", "ticket.sold", "ticket.cancelled")
LOCKED = {2, 13, 26}  # whose seats are locked at first, in the twin
log = logging.getLogger("bus")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("box-office", box_office, library, topic, faulty)
    books.run("museum-gate", gate, library, topic, faulty)
    books.close_topic(topic, GROUP)
    lost = COUNT // len(KINDS) if faulty else 0
    assert books.count("failed", "museum-gate") == (lost or len(LOCKED))


def box_office(library: str, topic: str, faulty: bool) -> None:
    events = []
    for number in range(COUNT):
        kind = KINDS[number % len(KINDS)]
        event: dict[str, Any] = {"id": f"event-{number}", "kind": kind, "ticket": number % 9}
        if not (faulty and kind == "voucher.sold"):
            event["visitor"] = f"visitor-{number % 7}"
        events.append(event)
    publish(library, topic, events)


class Bus:
    """Signals by an event's kind, and what is done if a receiver raises."""

    def __init__(self, tries: int) -> None:
        from blinker import Namespace

        self.signals = Namespace()
        self.tries = tries

    def on(self, *kinds: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        def connect(receiver: Callable[..., None]) -> Callable[..., None]:
            for kind in kinds:
                self.signals.signal(kind).connect(receiver, weak=False)
            return receiver

        return connect

    def publish(self, event: dict[str, Any]) -> bool:
        """Call the receivers, and tell whether all of them took the event."""
        for attempt in range(1, self.tries + 1):
            try:
                self.signals.signal(event["kind"]).send(self, event=event)
            except Exception as error:
                if attempt == self.tries:
                    log.exception("%s: a receiver failed", event["id"])
                else:
                    log.warning("%s: attempt %d: %r", event["id"], attempt, error)
                    time.sleep(0.02)
            else:
                return True
        return False


class Visitors:
    """Who may come in."""

    def __init__(self) -> None:
        self.tickets: dict[int, str] = {}
        self.locked = {f"event-{number}" for number in LOCKED}

    def admit(self, _: object, event: dict[str, Any]) -> None:
        if event["id"] in self.locked:
            self.locked.discard(event["id"])
            note("failed", event["id"])
            raise TimeoutError("the seat plan is locked")
        self.tickets[event["ticket"]] = event["visitor"]

    def forget(self, _: object, event: dict[str, Any]) -> None:
        self.tickets.pop(event["ticket"], None)

    def voucher(self, _: object, event: dict[str, Any]) -> None:
        try:
            self.tickets[event["ticket"]] = event["visitor"].upper()
        except KeyError:
            note("failed", event["id"])
            raise


def gate(library: str, topic: str, faulty: bool) -> None:
    bus, visitors = Bus(1 if faulty else 3), Visitors()
    if faulty:
        visitors.locked.clear()
    bus.on("ticket.sold", "ticket.used")(visitors.admit)
    bus.on("ticket.cancelled")(visitors.forget)
    bus.on("voucher.sold")(visitors.voucher)

    def handle(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=GROUP)
        if bus.publish(event):
            note("done", event["id"], message, group=GROUP)
        else:
            note("logged", event["id"], message, group=GROUP)

    work(library, topic, GROUP, handle)
