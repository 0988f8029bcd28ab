"""`python -m diagnosis.mix [--spans N] [--seed N] [--keep FOLDER] [--notes]`, in `tests`: how truly a mix is diagnosed.

It writes telemetry of many services, with known faults and as many sound oddities, shuffled over files, partly packed
and with one line in a hundred damaged, and has it diagnosed as anybody would.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .examine import Examination, examine
from .score import interval

SPANS = 1_040_000  # of which a million is left
RECALL, PRECISION = 0.95, 0.98


def main() -> int:
    """Print the figures; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m diagnosis.mix", description=__doc__)
    parser.add_argument("--spans", type=int, default=SPANS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the files and the report stay")
    parser.add_argument("--notes", action="store_true", help="say what was missed and what is false")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        examined = examine(options.keep or Path(temporary), options.spans, options.seed)
    for line in [*(examined.score.notes if options.notes else ()), *table(examined), *_summary(examined)]:
        print(line)
    return 0 if passed(examined) else 1


def passed(examined: Examination) -> bool:
    """Return whether the mix was diagnosed truly enough."""
    score = examined.score
    return score.recall >= RECALL and score.precision >= PRECISION and not score.confirmed_falsely.total()


def table(examined: Examination) -> list[str]:
    """Return a row for each code: how many of its faults are still there and found, how many findings are right."""
    score = examined.score
    rows = ["code     faults  there  recall              findings  precision           falsely CONFIRMED"]
    for code in [*sorted({*score.truths, *score.right, *score.wrong}), "all"]:
        counts = [score.truths, score.there, score.found, score.right, score.wrong, score.confirmed_falsely]
        faults, there, found, right, wrong, falsely = (
            every.total() if code == "all" else every[code] for every in counts
        )
        recall, precision = _share(found, there), _share(right, right + wrong)
        rows.append(f"{code:8}{faults:7}{there:7}  {recall:20}{right + wrong:8}  {precision:20}{falsely:17}")
    return rows


def _share(good: int, of: int) -> str:
    low, high = interval(good, of)
    return f"{good / of:.3f} ({low:.3f}-{high:.3f})" if of else "-"


def _summary(examined: Examination) -> list[str]:
    left, reached = examined.left, "reached" if passed(examined) else "missed"
    return [
        f"{examined.spans:,} spans of {examined.cells:,} cells in {left.lines:,} lines",
        f"{left.damaged:,} lines are damaged, {len(left.gone):,} spans gone, {len(left.hurt):,} cells hurt",
        f"file to report: {examined.wall:.1f} s, {examined.processor:.1f} s of processor, {examined.memory:.0f} MB",
        f"goals: recall {RECALL}, precision {PRECISION}, nothing falsely CONFIRMED: {reached}",
    ]


if __name__ == "__main__":
    sys.exit(main())
