"""`python -m faultlab [NAME…]`: plays scenarios, and prints a table of what of them was found."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis import catalog

from . import report
from .play import mixed, played, scenarios, settled

if TYPE_CHECKING:
    from .score import Score


def main() -> int:
    """Play, and give 0 if the goals are reached."""
    options = _options()
    wanted = scenarios(options.name)
    if options.list:
        for scenario in wanted:
            print(f"{scenario.name}: {scenario.about.splitlines()[0]}")
        return 0
    if options.mix:
        print(f"mixes drawn with --seed {options.seed}", flush=True)
        wanted = mixed(options.mix, options.seed)
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faultlab-")))
        scores = []
        for score in played(wanted, folder, options.jobs, options.again):
            print(f"{score.name}: {score.notes[0] if score.notes else 'as it should be'}", flush=True)
            scores.append(score)
        later = [settled(one, folder / one.name) for one in wanted if one.name.startswith("strangers/")]
    _print("", scores)
    if later:
        _print("The strangers with the default grace, an hour later", later)
    return not (report.passed(scores) and report.passed(later))


def _print(title: str, scores: list[Score]) -> None:
    codes = [check.code for check in catalog.checks()]
    print(title, *report.table(scores, codes), "", *report.summary(scores), "", sep="\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faultlab", description=__doc__)
    parser.add_argument("name", nargs="*", help="only scenarios with this in their name")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.add_argument("--mix", type=int, metavar="N", help="play so many mixes of strangers instead")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="by which the mixes are drawn")
    parser.add_argument("--jobs", type=int, default=2, help="how many play at once (2)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new one, where all stays")
    parser.add_argument("--again", action="store_true", help="only diagnose again what is kept in that folder")
    options = parser.parse_args()
    if options.again and not options.keep:
        parser.error("--again needs --keep FOLDER")
    return options


if __name__ == "__main__":
    sys.exit(main())
