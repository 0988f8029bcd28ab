"""What is said of backlogs, as EDA803 says it: that they stay and how many members would do, or when they are gone."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_eda.forecast import work_off

from .score import QUIETED, SLACK
from .shapes import BEGIN, DAY, DAYS, FAULTY, QUIET, STEP
from .steps import latest, mean

if TYPE_CHECKING:
    from otel_eda.forecast import Backlog

    from .shapes import Course, Load

MEMBERS = 4  # that do together what a group can
SOON, LATER = 60, 120  # minutes in which a backlog that is not foretold is gone, and that one that stays is there
SHAPES = {name: made for name, made in (QUIET | FAULTY).items() if name not in {"weekend", "sparse", "sparse_outage"}}


@dataclass
class Found:
    """What was said of some backlogs, and what came."""

    staying: int = 0  # that were said to stay
    stayed: int = 0
    needed: list[float] = field(default_factory=list)  # members that were said to do, by how many would have done
    going: int = 0  # of which a time was said
    gone: int = 0  # in that time


def recovering(luck: random.Random) -> Load:
    """An outage ends, and what waits is worked off for hours."""
    made = SHAPES["quiet"](luck)
    made.fault = (DAYS - 1) * DAY + luck.randrange(60, 400)
    ends, share = made.fault + luck.randrange(30, 90), luck.uniform(1.1, 1.4)
    for minute in range(made.fault, len(made.can)):
        made.can[minute] = made.comes[minute] * share if minute >= ends else 0.0
    return made


def scored(number: int, seed: str, every: int = 10) -> Found:
    """Return how it was with so many groups of each shape, asked every so many minutes of their last day."""
    found = Found()
    for name, make in {**SHAPES, "recovering": recovering}.items():
        for turn in range(number):
            load = make(random.Random(f"{seed}{name}{turn}"))  # noqa: S311
            _add(found, load, load.course(name), every)
    return found


def _add(found: Found, load: Load, course: Course, every: int) -> None:
    last = -QUIETED
    for now in range(course.start, DAYS * DAY - LATER, every):
        said = _said(course, now)
        if said is None or not course.known[now]:
            continue
        gone = next((minute for minute in range(now, len(course.lag)) if course.lag[minute] <= 0), None)
        if said.worked_off and gone is not None:
            earliest, latest = ((at - BEGIN) / STEP for at in (said.worked_off.earliest, said.worked_off.latest))
            if earliest - now > SOON:
                found.going += 1
                found.gone += earliest - SLACK <= gone <= latest + SLACK
        elif said.members is not None:
            if now - last > QUIETED:
                found.staying += 1
                found.stayed += gone is None or gone > now + LATER
            last = now
            found.needed.append(said.members / _enough(load, now))


def _said(course: Course, now: int) -> Backlog | None:
    done = [value / STEP if known else None for value, known in zip(course.processed, course.known, strict=True)]
    return work_off(latest(course.seen()[: now + 1]), mean(done[: now + 1]), MEMBERS) if course.known[now] else None


def _enough(load: Load, now: int) -> float:
    """Return how many members would do what comes in the next hour."""
    coming, possible = sum(load.comes[now : now + SOON]), sum(load.can[now : now + SOON])
    return MEMBERS * coming / possible if possible else float("inf")
