"""Several strangers, drawn at random, as one system: their telemetry is in one place, and is diagnosed as a whole."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faultlab.score import FAULTY, SOUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from faultlab.play import Scenario
    from faultlab.stage import Stage

FEWEST, MOST = 3, 6


@dataclass(frozen=True)
class Mix:
    """The strangers that are played as one."""

    parts: tuple[Scenario, ...]

    @property
    def kind(self) -> str:
        """Whether there is a fault in any of them."""
        return FAULTY if any(part.kind == FAULTY for part in self.parts) else SOUND

    @property
    def about(self) -> str:
        """Name them."""
        return " + ".join(part.name.partition("/")[2] for part in self.parts)

    def play(self, stage: Stage) -> None:
        """Play one after the other."""
        for part in self.parts:
            part.play(stage)


def mixes(every: Iterable[Scenario], number: int, seed: int) -> Iterator[Mix]:
    """Draw so many mixes; of each kind of program there is one at most, since one system has one of each service."""
    kinds = defaultdict(list)
    for scenario in every:
        kinds[scenario.name.split("/")[1]].append(scenario)
    drawn = random.Random(seed)
    for _ in range(number):
        names = drawn.sample(sorted(kinds), min(len(kinds), drawn.randint(FEWEST, MOST)))
        yield Mix(tuple(drawn.choice(kinds[name]) for name in names))
