"""How long a backlog lasts, and how many would have to work on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from .outlook import alike_before, reaching
from .trend import trend

if TYPE_CHECKING:
    from .outlook import Reach
    from .series import TimeSeries

SHORTEST = 12  # values for which a backlog must grow
SURE = 1.645  # standard deviations by which a backlog must grow or shrink
FARTHEST = 40.0  # times as long as it has shrunk a backlog may go on to do so: what works on it stays the same
ROOM = 1.1  # times as much as comes must be possible, so that a backlog shrinks


@dataclass(frozen=True)
class Backlog:
    """What waits, what comes and what is done each second, and when nothing waits any more: None if that never is.

    `members` is how many of the present kind would do, where the present ones do not.
    """

    waiting: float
    comes: float
    done: float
    since: float
    worked_off: Reach | None
    members: int | None

    @property
    def grows(self) -> bool:
        """Whether it is not worked off by those who work on it now."""
        return self.members is not None


def work_off(lag: TimeSeries, processed: TimeSeries, members: int) -> Backlog | None:
    """Return what becomes of a backlog; None if there is none, or if that cannot be told.

    `processed` has the messages that were processed each second, at the same times as `lag`.
    """
    found = trend(lag)
    if found is None or found.level <= 0 or not lag.values[-1]:
        return None
    start = len(lag.values) - found.number
    rates = [value for _, value in processed.known(start)]
    if 2 * len(rates) < found.number:
        return None
    done = median(rates)
    comes = max(done + found.slope / lag.step, 0.0)
    if found.slope > SURE * found.doubt and done > 0:
        if found.number < SHORTEST or alike_before(lag, found, math.inf)[0]:
            return None  # it came so far before, and was worked off
        needed = math.ceil(members * ROOM * comes / done)
        return Backlog(found.level, comes, done, lag.time(start), None, max(needed, members + 1))
    off = reaching(lag, 0.0, falling=True, farthest=FARTHEST) if found.slope < -SURE * found.doubt else None
    return None if off is None else Backlog(found.level, comes, done, lag.time(start), off, None)
