"""`make backtest`: what was foretold of courses whose end is known, by us and by two baselines."""

from __future__ import annotations

import argparse
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from bench.arguments import positive

from . import backlogs, bands, lab, polls, shapes, shifts
from .score import scored
from .ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .score import Score

NUMBER = 12  # courses of each shape
EVERY = 10  # minutes from one look to the next


def main() -> None:
    """Go through all courses and print the tables of docs/prediction.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.backtest", description=__doc__)
    parser.add_argument("--number", type=positive, default=NUMBER, help="courses of each shape")
    parser.add_argument("--seed", default="kept", help="which courses")
    number, seed = parser.parse_args().number, parser.parse_args().seed
    every = {**shapes.QUIET, **shapes.FAULTY}
    totals = {name: scored(shapes.courses(number, every, seed), way, EVERY) for name, way in WAYS.items()}
    print("\n".join(_table(totals)))
    print("\n".join(_by_shape(totals["otel-eda"])))
    band = bands.coverage(shapes.courses(max(number // 8, 1), every, seed))
    print(f"\nlater lag in its band of 90 %: {band:.3f}")
    print(_shifts(shifts.scored(max(number // 4, 1), seed)))
    print(_backlogs(backlogs.scored(max(number // 3, 1), seed)))
    print("\npoll limits", *_table({"otel-eda": polls.asked(max(number // 3, 1), seed)}), sep="\n")
    pauses = {"otel-eda": polls.foretell}
    left = {name: lab.runs(way, pauses.get(name)) for name, way in WAYS.items()}
    print("\nthe fault lab's runs", *_table(left), sep="\n")


def _table(totals: dict[str, Score]) -> Iterator[str]:
    yield f"| | {' | '.join(totals)} |\n| --- |{' --: |' * len(totals)}"
    for about, figure in FIGURES.items():
        yield f"| {about} | {' | '.join(figure(score) for score in totals.values())} |"


FIGURES: dict[str, Callable[[Score], str]] = {
    "events that were foretold": lambda score: f"{score.recall:.2f} of {score.events}",
    "alarms that came true": lambda score: f"{score.came_true:.2f} of {len(score.alarms)}",
    "intervals in which the event was": lambda score: f"{score.coverage:.2f} of {score.intervals}",
    "false alarms on a quiet day": lambda score: f"{score.false_a_day:.3f} of {score.quiet_days} days",
    "lead time, median minutes": lambda score: f"{median(score.minutes or [0]):.0f}",
    "lead time, median share of the way": lambda score: f"{median(score.leads or [0]):.2f}",
}


def _by_shape(score: Score) -> Iterator[str]:
    yield "\nalarms by shape: true, false"
    true = Counter(alarm.name for alarm in score.alarms if alarm.came_true)
    false = Counter(alarm.name for alarm in score.alarms if not alarm.came_true)
    yield from (f"  {name}: {true[name]}, {false[name]}" for name in sorted(true | false))


def _shifts(found: shifts.Found) -> str:
    return (
        f"changes of rates and durations: {found.found} of {found.changes} found within four hours, in the median "
        f"after {median(found.minutes or [0]):.0f} min, their start off by {median(found.off or [0]):.0f} min; "
        f"{found.false} false on {found.days} quiet days"
    )


def _backlogs(found: backlogs.Found) -> str:
    return (
        f"backlogs: {found.stayed} of {found.staying} that were said to stay did so for two hours; members that were "
        f"said to do, by those that would have done: {median(found.needed or [0]):.2f} in the median; "
        f"{found.gone} of {found.going} were gone in the time that was said"
    )


if __name__ == "__main__":
    main()
