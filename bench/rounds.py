"""Many short rounds in which every contender has its turn, and what they say."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from .contenders import BARE, ENTRIES, NOTHING, SCENARIOS, Entry
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Key: TypeAlias = "tuple[Entry, str]"
Round: TypeAlias = "dict[Key, float]"
"""Microseconds of processor time a message."""

BASE = Entry(BARE, NOTHING)
WARM = 1000  # messages


@dataclass(frozen=True)
class Plan:
    """How often; each generation has new processes, since memory layout and hashing differ between them."""

    generations: int
    rounds: int
    messages: int


def measure(plan: Plan, progress: Callable[[], None]) -> list[Round]:
    """Measure, and give every round."""
    made = []
    for _ in range(plan.generations):
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(entry)) for entry in ENTRIES]
            _warm(workers)
            for number in range(plan.rounds):
                made.append(_round(_turned(workers, number), plan.messages))
                progress()
    return made


def _warm(workers: Sequence[Worker]) -> None:
    for scenario in SCENARIOS:
        for worker in workers:
            worker.tell("cost", scenario, WARM)
    for _ in SCENARIOS:
        for worker in workers:
            worker.answer()


def _turned(workers: list[Worker], number: int) -> list[Worker]:
    # Nobody is always the one after the bare library, whose caches are the warmest.
    start = number % len(workers)
    return workers[start:] + workers[:start]


def _round(workers: Sequence[Worker], messages: int) -> Round:
    return {
        (worker.entry, scenario): worker.ask("cost", scenario, messages) for scenario in SCENARIOS for worker in workers
    }


@dataclass(frozen=True)
class Estimate:
    """A median, and the interval that holds the true one in 95 of 100 cases."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Estimate from a value each round, by the binomial distribution of how many lie below the median."""
        ordered, count = sorted(values), len(values)
        reach = math.ceil(0.98 * math.sqrt(count))
        middle = count // 2
        return cls(median(ordered), ordered[max(middle - reach, 0)], ordered[min(middle + reach, count - 1)])


def added(rounds: Sequence[Round], entry: Entry, scenario: str) -> list[float]:
    """Give, for each round, what a contender adds to the bare library."""
    return [each[entry, scenario] - each[BASE, scenario] for each in rounds]


def ratios(rounds: Sequence[Round], one: Entry, other: Entry, scenario: str) -> list[float]:
    """Give, for each round, what one adds divided by what the other adds."""
    return [
        mine / max(theirs, 0.01)
        for mine, theirs in zip(added(rounds, one, scenario), added(rounds, other, scenario), strict=True)
    ]


def noise(rounds: Sequence[Round]) -> float:
    """Give how far half of the rounds are apart, as a share of their median: the median of that of all contenders."""
    spreads = []
    for key in rounds[0]:
        values = sorted(each[key] for each in rounds)
        spreads.append((values[len(values) * 3 // 4] - values[len(values) // 4]) / median(values))
    return median(spreads)
