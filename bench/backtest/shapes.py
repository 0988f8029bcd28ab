"""Groups of made traffic, whose whole course is known: what comes, what can be processed, and so what waits."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 60.0
DAY = 1440  # steps
DAYS = 4  # the last of which is foretold
BEGIN = 1_790_000_000.0 // 86400 * 86400


@dataclass
class Course:
    """What waits and what is processed, a number a minute, None where telemetry has a gap; and the bound."""

    name: str
    lag: list[float]
    processed: list[float]
    known: list[bool]
    bound: float
    fault: int | None = None  # the minute in which something broke
    start: int = (DAYS - 1) * DAY  # from where on it is asked what is foretold

    def seen(self) -> list[float | None]:
        """Return the lag as telemetry shows it."""
        return [value if known else None for value, known in zip(self.lag, self.known, strict=True)]


@dataclass
class Load:
    """What comes, and what can be processed, a second, by the minute; and what comes at once."""

    luck: random.Random
    comes: list[float]
    can: list[float]
    known: list[bool]
    bound: float
    batches: dict[int, float]
    every: int = 1  # minutes from one look for messages to the next
    fault: int | None = None

    def course(self, name: str) -> Course:
        """Return what follows from it."""
        waiting, lag, processed, saved = 0.0, [], [], 0.0
        for minute, (comes, can) in enumerate(zip(self.comes, self.can, strict=True)):
            waiting += poisson(self.luck, comes * STEP) + self.batches.get(minute, 0.0)
            saved += can * STEP * self.luck.uniform(0.9, 1.1)
            done = min(waiting, round(saved)) if minute % self.every == 0 else 0.0
            saved = saved if minute % self.every else 0.0
            waiting -= done
            lag.append(waiting)
            processed.append(done)
        return Course(name, lag, processed, self.known, self.bound, self.fault)


def poisson(luck: random.Random, mean: float) -> float:
    """Return how often something happens that happens so often in the mean."""
    if mean > 60:
        return max(0.0, float(round(luck.gauss(mean, math.sqrt(mean)))))
    left, number = math.exp(-mean), 0
    chance = luck.random()
    while chance > left:
        chance *= luck.random()
        number += 1
    return float(number)


def load(luck: random.Random, rate: float | None = None, swing: float = 0.0, room: float = 1.5) -> Load:
    """Return a group that keeps up: `swing` is that of the day, `room` how much more it could do than comes at most."""
    rate = luck.choice((0.5, 3.0, 40.0, 800.0)) if rate is None else rate
    phase = luck.uniform(0, DAY)
    day = [1 + swing * math.sin(2 * math.pi * (minute - phase) / DAY) for minute in range(DAY)]
    comes = [rate * day[minute % DAY] for minute in range(DAYS * DAY)]
    can = [max(comes) * room] * len(comes)
    return Load(luck, comes, can, [True] * len(comes), max(luck.uniform(600, 3600) * rate, 100.0), {})


def stopped(made: Load, begin: int, minutes: float) -> None:
    """Have the consumers stand still."""
    for minute in range(begin, min(begin + max(round(minutes), 1), len(made.can))):
        made.can[minute] = 0.0


def times(luck: random.Random, a_day: int) -> list[int]:
    """Return some minutes of each day."""
    return [day * DAY + luck.randrange(DAY) for day in range(DAYS) for _ in range(a_day)]


def quiet(luck: random.Random) -> Load:
    return load(luck)


def daily(luck: random.Random) -> Load:
    return load(luck, swing=luck.uniform(0.3, 0.9), room=1.1)


def weekend(luck: random.Random) -> Load:
    made = load(luck, swing=0.6, room=1.2)
    share = luck.uniform(0.2, 0.5)
    made.comes = [value * (share if minute // DAY == 2 else 1.0) for minute, value in enumerate(made.comes)]
    return made


def sparse(luck: random.Random) -> Load:
    return load(luck, rate=luck.uniform(0.002, 0.05), swing=0.5)


def bursts(luck: random.Random) -> Load:
    made = load(luck, swing=0.3)
    made.batches = {minute: made.bound * luck.uniform(0.05, 0.6) for minute in times(luck, 3)}
    return made


def deploys(luck: random.Random) -> Load:
    made = load(luck, swing=0.4)
    for minute in times(luck, 3):
        stopped(made, minute, luck.uniform(1, 8))
    return made


def restarts(luck: random.Random) -> Load:
    """Deploys, during which telemetry is missing, too."""
    made = load(luck, swing=0.4)
    for minute in times(luck, 2):
        long = luck.uniform(2, 8)
        stopped(made, minute, long)
        for gone in range(minute, min(minute + round(long) + 2, len(made.known))):
            made.known[gone] = False
    return made


def rush_hours(luck: random.Random) -> Load:
    """Each day more comes for some hours than can be done, and is worked off later; it stays below the bound."""
    made = load(luck, swing=0.7)
    most = max(made.comes)
    made.can = [most * luck.uniform(0.85, 0.93)] * len(made.can)
    peak = max(made.course("").lag)
    made.bound = max(peak * luck.uniform(1.3, 3.0), 100.0)
    return made


def nightly_job(luck: random.Random) -> Load:
    made = load(luck, swing=0.2)
    begin, size = luck.randrange(DAY), luck.uniform(0.1, 0.6)
    for day in range(DAYS):
        long = luck.randrange(20, 60)
        for minute in range(day * DAY + begin, min(day * DAY + begin + long, len(made.comes))):
            made.comes[minute] = made.can[minute] + size * made.bound / long / STEP * luck.uniform(0.8, 1.2)
    return made


def batch_reader(luck: random.Random) -> Load:
    """A consumer that looks for messages only now and then: its lag is a saw."""
    made = load(luck, swing=0.3)
    made.every = luck.randrange(3, 15)
    made.bound = max(made.bound, 1.5 * max(made.course("").lag))
    return made


def slow_handler(luck: random.Random) -> Load:
    """A deploy makes the handler slower than messages come; nobody helps for hours."""
    made = _breaks(load(luck, swing=0.1))
    return _slower(made, luck.uniform(0.3, 0.9))


def leak(luck: random.Random) -> Load:
    """The consumers can do a little less than comes."""
    made = _breaks(load(luck))
    return _slower(made, luck.uniform(0.93, 0.985))


def outage(luck: random.Random) -> Load:
    made = _breaks(load(luck, swing=0.4))
    return _slower(made, 0.0)


def sparse_outage(luck: random.Random) -> Load:
    made = _breaks(load(luck, rate=luck.uniform(0.01, 0.05)))
    made.bound = 50.0
    return _slower(made, 0.0)


def growing_traffic(luck: random.Random) -> Load:
    """What comes rises for hours, until the consumers cannot follow."""
    made = _breaks(load(luck))
    assert made.fault is not None
    hours = luck.uniform(2, 6)
    for minute in range(made.fault, len(made.comes)):
        made.comes[minute] *= min(1 + 1.5 * (minute - made.fault) / 60 / hours, 2.5)
    return made


def busier_day(luck: random.Random) -> Load:
    """Rush hours as on other days, but more of them than the bound allows."""
    made = rush_hours(luck)
    share = luck.uniform(1.1, 1.35)
    made.comes = [value * (share if minute >= (DAYS - 1) * DAY else 1.0) for minute, value in enumerate(made.comes)]
    made.fault = (DAYS - 1) * DAY
    return made


def slow_after_deploys(luck: random.Random) -> Load:
    made = _breaks(deploys(luck))
    return _slower(made, luck.uniform(0.5, 0.9))


def near_miss(luck: random.Random) -> Load:
    """It breaks, and somebody mends it half-way to the bound."""
    made = _breaks(load(luck, swing=0.1))
    share = luck.uniform(0.3, 0.8)
    _slower(made, share)
    assert made.fault is not None
    mean = sum(made.comes) / len(made.comes)
    long = luck.uniform(0.3, 0.7) * made.bound / (mean * (1 - share) * STEP)
    for minute in range(made.fault + round(long), len(made.can)):
        made.can[minute] = mean * 2
    return made


def _breaks(made: Load) -> Load:
    made.fault = (DAYS - 1) * DAY + made.luck.randrange(60, DAY - 600)
    return made


def _slower(made: Load, share: float) -> Load:
    """Have the consumers do, from the fault on, only that share of what comes in the mean of the next hours."""
    assert made.fault is not None
    coming = made.comes[made.fault : made.fault + 300]
    for minute in range(made.fault, len(made.can)):
        made.can[minute] = share * sum(coming) / len(coming)
    return made


QUIET: dict[str, Callable[[random.Random], Load]] = {
    made.__name__: made
    for made in (quiet, daily, weekend, sparse, bursts, deploys, restarts, rush_hours, nightly_job, batch_reader)
}
FAULTY: dict[str, Callable[[random.Random], Load]] = {
    made.__name__: made
    for made in (
        slow_handler, leak, outage, sparse_outage, growing_traffic, busier_day, slow_after_deploys, near_miss,
    )
}  # fmt: skip


def courses(number: int, shapes: dict[str, Callable[[random.Random], Load]], seed: str = "") -> list[Course]:
    """Return so many courses of each shape; the same ones each time."""
    return [
        make(random.Random(f"{seed}{name}{turn}")).course(name)  # noqa: S311
        for name, make in shapes.items()
        for turn in range(number)
    ]
