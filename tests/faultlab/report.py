"""The lab's result as a table, in Markdown, which reads well on a terminal too."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from .score import SOUND, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .score import Score

COLUMNS = ("check", "faults", "found", "missed", "right", "false", "recall", "precision")
GOAL = 0.95
Z = 1.96  # of 95 %


def totals(scores: Iterable[Score]) -> dict[str, Tally]:
    """Add up by check, and all of them under the name `all`."""
    found: dict[str, Tally] = defaultdict(Tally)
    for score in scores:
        for code, tally in score.tallies.items():
            found[code].add(tally)
            found["all"].add(tally)
    return found


def table(scores: Sequence[Score], codes: Iterable[str]) -> Iterator[str]:
    """Give the lines of the table: a row for each check, and one for all."""
    found = totals(scores)
    rows = [COLUMNS, *(_row(code, found.get(code, Tally())) for code in (*codes, "all"))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    header, *others = (_line(row, widths) for row in rows)
    yield header
    yield _line(("-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])), widths)
    yield from others


def _row(code: str, tally: Tally) -> tuple[str, ...]:
    numbers = (tally.faults, tally.found, tally.faults - tally.found, tally.right, tally.wrong)
    recall, precision = _share(tally.found, tally.faults), _share(tally.right, tally.right + tally.wrong)
    return (code, *map(str, numbers), recall, precision)


def _share(good: int, every: int) -> str:
    if not every:
        return "-"
    low, high = interval(good, every)
    return f"{good / every:.2f} ({low:.2f} to {high:.2f})"


def interval(good: int, every: int) -> tuple[float, float]:
    """Give Wilson's interval of a share, in which the true one is in 95 of 100 cases."""
    share, square = good / every, Z * Z / every
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square * square / 4) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    cells = (first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)))
    return f"| {' | '.join(cells)} |"


def summary(scores: Sequence[Score]) -> Iterator[str]:
    """Say what is not as it should be, and the whole in a line."""
    for score in scores:
        for note in score.notes:
            yield f"{score.name}: {note}"
    sound = [score for score in scores if score.kind == SOUND]
    confirmed = sum(score.confirmed_falsely for score in scores)
    yield f"{len(scores) - len(sound)} runs with a fault, {len(sound)} without, {confirmed} findings falsely CONFIRMED"


def passed(scores: Sequence[Score]) -> bool:
    """Tell whether the lab's goals are reached."""
    every = totals(scores)["all"]
    enough = all(share is None or share >= GOAL for share in (every.recall, every.precision))
    return enough and not any(score.broken or score.confirmed_falsely for score in scores)
