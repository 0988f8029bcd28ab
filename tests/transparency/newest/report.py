"""What came of the suites as a table, in Markdown, which reads well on a terminal too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .play import Result

COLUMNS = ("client", "tag", "compared", "passed", "equal", "header", "differing", "not run")
LONGEST = 200  # characters of a test's message


def table(results: Iterable[Result]) -> Iterator[str]:
    """Give the lines of the table: a row for each suite."""
    rows = [COLUMNS, *map(_row, results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    header, *others = (_line(row, widths) for row in rows)
    yield header
    yield _line(("-" * widths[0], "-" * widths[1], *("-" * (width - 1) + ":" for width in widths[2:])), widths)
    yield from others


def _row(result: Result) -> tuple[str, ...]:
    if result.why:
        return (result.name, result.tag, *["-"] * (len(COLUMNS) - 3), "all")
    numbers = (len(result.outcomes), result.passed, result.equal, len(result.header), len(result.differing))
    return (result.name, result.tag, *map(str, numbers), str(result.idle.total()))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if number < 2 else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(cells)} |"


def details(result: Result, left_out: Mapping[str, str]) -> Iterator[str]:
    """Say which tests differ, and why others did not run."""
    if result.why:
        yield f"{result.name} did not run: {result.why}"
        return
    yield f"{result.name} {result.tag}: {result.spans} spans"
    yield from (f"  {note}" for note in dict.fromkeys(result.notes))
    yield from (f"  differs: {_difference(result, name)}" for name in result.differing)
    yield from (f"  differs by the header alone: {name}" for name in result.header)
    yield from (f"  differed once: {_difference(result, name)}" for name in result.unsteady)
    yield from (f"  failed either way: {count} tests: {what[:LONGEST]}" for what, count in result.failed.most_common())
    yield from (f"  not run: {count} tests: {reason}" for reason, count in result.idle.most_common())
    yield from (f"  not run: {path}: needs {what}" for path, what in left_out.items())
    yield from (f"  we warned: {message}" for message in dict.fromkeys(result.said))


def _difference(result: Result, name: str) -> str:
    bare, instrumented = result.outcomes.get(name, (None, None))
    return f"{name}: {bare} without us, {instrumented} with us: {result.messages.get(name, 'no message')[:LONGEST]}"
