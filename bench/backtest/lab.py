"""What runs of the fault lab left: lag, depth and pauses between polls as real clients reported them, each second.

`lab.jsonl` has the series of such runs as `otel_eda.diagnosis.prediction` makes them. Each is asked twice: whether it
comes to two thirds of its greatest value, where that is after ten readings, and to twice of it, which it never does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .score import Score, scored
from .shapes import Course

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .score import Foretell

RUNS = Path(__file__).with_name("lab.jsonl")
FEWEST = 10  # readings before an event
LEAST = 10.0  # messages that are an event
ABOVE, BELOW = 2.0, 2 / 3  # times the greatest value


def runs(way: Foretell, pauses: Foretell | None = None) -> Score:
    """Return how a way to foretell did, and one for pauses if there is one, asked at each reading."""
    score = Score()
    for kind, course in _courses():
        if asked := pauses if kind == "poll" else way:
            score.add(scored([course], asked, every=1))
    return score


def _courses() -> Iterator[tuple[str, Course]]:
    for line in RUNS.read_text("utf-8").splitlines():
        run = json.loads(line)
        known = [value is not None for value in run["values"]]
        levels = [value or 0.0 for value in run["values"]]
        most, kind = max(levels), run["kind"]
        yield kind, Course(run["run"], levels, [], known, max(ABOVE * most, LEAST), start=0)
        bound = BELOW * most
        if most >= LEAST and next(place for place, level in enumerate(levels) if level >= bound) >= FEWEST:
            yield kind, Course(run["run"], levels, [], known, bound, fault=0, start=0)
