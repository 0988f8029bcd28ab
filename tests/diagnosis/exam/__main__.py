"""`python -m diagnosis.exam [WORD ...]`, in `tests`: how truly diagnosis speaks of the files in this folder, by code.

With words, only of the files whose names have one of them. A finding that must be there counts once for each message.
"""

from __future__ import annotations

import sys
from collections import Counter

from .expectations import CASES, Result, diagnosed, judge


def main(words: list[str]) -> None:
    """Print what was missed, false or wrongly explained in each file, then recall and precision by code."""
    names = [name for name in CASES if not words or any(word in name for word in words)]
    results = [judge(name, diagnosed(name)) for name in names]
    for result in results:
        _print_faults(result)
    _print_figures(results)


def _print_faults(result: Result) -> None:
    for wanted in result.missed:
        print(f"{result.name}: missed {'/'.join(wanted.codes)} {wanted.least.name} {wanted.place or ''}")
    for kind, findings in (("false", result.false), ("wrong cause", result.wrongly_explained)):
        for item in findings:
            print(
                f"{result.name}: {kind} {item.code} {item.verdict.name} {item.count}x {item.destination} {item.detail}"
            )


def _print_figures(results: list[Result]) -> None:
    found = Counter(wanted.codes[0] for result in results for wanted in result.found)
    missed = Counter(wanted.codes[0] for result in results for wanted in result.missed)
    true = Counter(finding.code for result in results for finding in result.true)
    false = Counter(finding.code for result in results for finding in result.false)
    confirmed = Counter(finding.code for result in results for finding in result.falsely_confirmed)
    wrong = Counter(finding.code for result in results for finding in result.wrongly_explained)
    for code in [*sorted({*found, *missed, *true, *false, *wrong}), "all"]:
        row = [
            (each.total() if code == "all" else each[code]) for each in (found, missed, true, false, confirmed, wrong)
        ]
        print(f"{code:<7} recall {_share(row[0], row[1])}, precision {_share(row[2], row[3])}, ", end="")
        print(f"falsely CONFIRMED {row[4]}, wrong causes {row[5]}")


def _share(good: int, bad: int) -> str:
    return f"{good / (good + bad):.2f} ({good} of {good + bad})" if good + bad else "-"


if __name__ == "__main__":
    main(sys.argv[1:])
