"""A game's hooks: one handler raises for each event that it gets, and whoever emits logs that; its twin's fails twice.

Shown by: each call of that handler has a span with `code.function.name` and `error.type`, and so has the metric
`eda.handler.duration` (EDA401). The twin's handler is called once more, and does it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("blinker", "pyee")
COUNT = 48
log = logging.getLogger("quests")


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("quests", quests, library, faulty)
    if faulty:
        books.note("must", code="EDA401", where={"service": "quests"})


class Guilds:
    """The points of guilds; a season must have begun before any are given."""

    def __init__(self, forgot: bool) -> None:
        self.forgot, self.early = forgot, 2
        self.points: dict[str, int] = {}

    def reward(self, quest: dict[str, Any]) -> None:
        note("began", quest["id"])
        if self.forgot or self.early:
            self.early -= 1
            note("failed", quest["id"])
            raise RuntimeError("no season has begun")
        self.points[quest["guild"]] = self.points.get(quest["guild"], 0) + 10
        note("done", quest["id"])


class Journal:
    """What players have done."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, quest: dict[str, Any]) -> None:
        self.lines.append(quest["id"])


def quests(library: str, faulty: bool) -> None:
    guilds, journal = Guilds(faulty), Journal()
    emit = {"blinker": by_blinker, "pyee": by_pyee}[library](guilds, journal)
    for number in range(COUNT):
        kind = "guild-quest-done" if number % 4 == 0 else "quest-done"
        quest = {"id": f"quest-{number}", "guild": f"g-{number % 3}"}
        for _ in range(1 if faulty else 5):
            try:
                emit(kind, quest)
                break
            except RuntimeError:
                log.exception("%s is not rewarded", quest["id"])
        time.sleep(0.01)


def by_blinker(guilds: Guilds, journal: Journal) -> Callable[[str, dict[str, Any]], None]:
    from blinker import Namespace

    signals = Namespace()

    def reward(_: Any, quest: dict[str, Any]) -> None:
        guilds.reward(quest)

    def write(_: Any, quest: dict[str, Any]) -> None:
        journal.write(quest)

    signals.signal("guild-quest-done").connect(reward, weak=False)
    signals.signal("quest-done").connect(write, weak=False)

    def emit(kind: str, quest: dict[str, Any]) -> None:
        signals.signal(kind).send(None, quest=quest)

    return emit


def by_pyee(guilds: Guilds, journal: Journal) -> Callable[[str, dict[str, Any]], None]:
    from pyee.base import EventEmitter

    emitter = EventEmitter()
    emitter.on("guild-quest-done", guilds.reward)
    emitter.on("quest-done", journal.write)

    def emit(kind: str, quest: dict[str, Any]) -> None:
        emitter.emit(kind, quest)

    return emit
