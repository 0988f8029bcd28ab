"""A service sends a signal for each parcel's stage: its receiver is bound to one country's name, and hears no other's.

Messages come by RabbitMQ. Each becomes a blinker signal, whose sender is the country. The receiver that clears customs
was connected for `"eu"`, when there was nothing else; then the first parcels from `"uk"` come, and nobody clears them.
In the twin it was connected for any sender; a stage that nobody wants has no receiver anywhere.

Shown by: the process spans of those messages have the event `eda.event.unhandled` with the signal's name, and
`eda.unhandled.events` counts them (EDA406).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from blinker import Namespace

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, STAGES = 40, ("customs-in", "sorted", "loaded", "delivered", "weighed")
stages = Namespace()


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("depots", depots, library, queue)
    books.run("tracking", tracking, library, queue, faulty)
    assert books.count("done") == (COUNT - COUNT // 5 - COUNT // 10 if faulty else COUNT - COUNT // 5)
    books.close_queue(queue)
    # Of `weighed` nobody wants to know. That is so with or without the fault.
    books.note("may", code="EDA406", where={"service": "tracking", "destination": "weighed"})


def depots(library: str, queue: str) -> None:
    countries = ("eu", "uk")
    events = [
        {"id": f"scan-{n}", "stage": STAGES[n % len(STAGES)], "country": countries[n // 5 % 2]} for n in range(COUNT)
    ]
    publish(library, queue, events)


class Tracking:
    """What is known of each parcel."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def clear(self, _: str, *, event: dict[str, Any], message: Any) -> None:
        self.known[event["id"]] = "cleared"
        note("done", event["id"], message)

    def keep(self, _: str, *, event: dict[str, Any], message: Any) -> None:
        self.known[event["id"]] = event["stage"]
        note("done", event["id"], message)


def tracking(library: str, queue: str, faulty: bool) -> None:
    one = Tracking()
    if faulty:
        stages.signal("customs-in").connect(one.clear, sender="eu")
    else:
        stages.signal("customs-in").connect(one.clear)
    for stage in ("sorted", "loaded", "delivered"):
        stages.signal(stage).connect(one.keep)

    def on_scan(event: dict[str, Any], message: Any) -> str:
        note("began", event["id"], message)
        heard = stages.signal(event["stage"]).send(event["country"], event=event, message=message)
        if not heard:
            note("filtered", event["id"], message)
        if not heard and event["stage"] == "customs-in":
            note("unhandled", event["id"], message, to=event["stage"])
        return "ack"

    work(library, queue, on_scan, idle=5)
