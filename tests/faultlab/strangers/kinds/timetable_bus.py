"""A timetable's bus with patterns logs what its handlers raise: that of platforms fails since a release; or few do.

`subscribe("train.*")` and the like; whoever publishes gets no error. The platform board reads a field that was renamed,
and so fails for every train. In the twin it reads both, and a chime that nobody needs fails twice.

The bus is home-made; the setting `OTEL_EDA_REGISTRIES` names it. The other library is pyee, with names in full.

Shown by: the handler's spans have its error (EDA401).
"""

from __future__ import annotations

import fnmatch
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

    Handler = Callable[[dict[str, Any]], None]

LIBRARIES = ("house-bus", "pyee")
COUNT = 30
log = logging.getLogger("bus")


def play(books: Books, library: str, faulty: bool) -> None:
    names = f"{__name__}:Bus(subscribe,publish,name)"
    environ = {"OTEL_EDA_REGISTRIES": names} if library == "house-bus" else {}
    books.run("timetable", timetable, library, faulty, environ=environ)
    assert books.count("failed") == (COUNT if faulty else 2)


class Bus:
    """Calls whoever wants an event's name."""

    def __init__(self) -> None:
        self.subscriptions: list[tuple[str, Handler]] = []

    def subscribe(self, name: str, handler: Handler) -> None:
        """Have a handler called for events whose name is like that."""
        self.subscriptions.append((name, handler))

    def publish(self, name: str, event: dict[str, Any]) -> None:
        """Call the handlers; none can hurt another."""
        for pattern, handler in self.subscriptions:
            if fnmatch.fnmatch(name, pattern):
                try:
                    handler(event)
                except Exception:
                    log.exception("a handler of %s fails", name)


class Emitter:
    """The same by pyee, which has no patterns."""

    def __init__(self) -> None:
        from pyee.base import EventEmitter

        self.emitter = EventEmitter()

    def subscribe(self, name: str, handler: Handler) -> None:
        for one in ("train.delayed", "train.moved") if name.endswith("*") else (name,):
            self.emitter.on(one, handler)

    def publish(self, name: str, event: dict[str, Any]) -> None:
        try:
            self.emitter.emit(name, event)
        except Exception:
            log.exception("a handler of %s fails", name)


class Station:
    """What a station does about its trains."""

    def __init__(self, knows_old_names: bool) -> None:
        self.knows_old_names = knows_old_names
        self.platforms: dict[str, str] = {}
        self.delays: dict[str, int] = {}

    def note_delay(self, event: dict[str, Any]) -> None:
        self.delays[event["train"]] = event["minutes"]

    def show(self, event: dict[str, Any]) -> None:
        note("began", event["id"])
        try:
            track = event["track"] if self.knows_old_names and "track" in event else event["platform"]
        except KeyError:
            note("failed", event["id"])
            raise
        self.platforms[event["train"]] = track
        note("done", event["id"])

    def chime(self, event: dict[str, Any]) -> None:
        if not self.knows_old_names or event["minutes"] < 28:
            return
        note("failed", event["id"])
        raise OSError("no loudspeaker")


def timetable(library: str, faulty: bool) -> None:
    """Have trains delayed and moved."""
    bus: Any = Bus() if library == "house-bus" else Emitter()
    station = Station(not faulty)
    bus.subscribe("train.delayed", station.note_delay)
    bus.subscribe("train.*", station.show)
    bus.subscribe("train.delayed", station.chime)
    for number in range(COUNT):
        name = "train.moved" if number % 3 == 0 else "train.delayed"
        event = {"id": f"news-{number}", "train": f"IC {number}", "minutes": number, "track": f"{number % 9}"}
        bus.publish(name, event)
