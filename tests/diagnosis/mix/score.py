"""What a diagnosis says of a mix, against what is true of it."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis.finding import Verdict

from .cell import least

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .cell import Cell, Told
    from .damage import Left

    Document = dict[str, Any]
    Occurrences = dict[tuple[int, str], list[tuple[Document, Document]]]

Z = 1.96  # standard deviations of 95 %
CELL = re.compile(r"-(\d+)")
INCOMPLETE = "EDA703"


@dataclass
class Score:
    """Of each code: truths that are there and found, findings that are right and wrong."""

    truths: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    confirmed_falsely: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share of what is there that was found."""
        return self.found.total() / max(self.there.total(), 1)

    @property
    def precision(self) -> float:
        """The share of the findings above SUSPECT that are right."""
        return self.right.total() / max(self.right.total() + self.wrong.total(), 1)


def scored(cells: Iterable[Cell], left: Left, findings: Iterable[Document]) -> Score:
    """Compare; of a truth whose spans are damaged nothing is asked, and of a cell that lost others only a hint."""
    score, known, said = Score(), _known(cells), _said(findings)
    for number, told in known.items():
        for one in told:
            if one.sought:
                _seek(score, one, left, number, said)
    for finding in (finding for (number, _), ones in said.items() for finding in _each(ones)):
        _claim(score, finding, known, left)
    return score


def _known(cells: Iterable[Cell]) -> dict[int, list[Told]]:
    return {cell.number: cell.told for cell in cells}


def _said(findings: Iterable[Document]) -> Occurrences:
    said: Occurrences = defaultdict(list)
    for finding in findings:
        said[_cell(finding), finding["code"]] += [(finding, one) for one in finding["evidence"]]
    return said


def _each(pairs: Iterable[tuple[Document, Document]]) -> Iterator[Document]:
    return iter({id(finding): finding for finding, _ in pairs}.values())


def _cell(finding: Document) -> int:
    for name in (finding["service"], finding["destination"], finding["group"]):
        found = CELL.search(name or "")
        if found:
            return int(found[1])
    return -1


def _seek(score: Score, told: Told, left: Left, number: int, said: Occurrences) -> None:
    code = told.truth.code
    score.truths[code] += 1
    if not told.is_left(left.gone):
        return
    score.there[code] += 1
    wanted = least(told, number not in left.hurt)
    ones = [finding for finding, one in said.get((number, code), ()) if _fits(told, finding, one)]
    best = max((Verdict[finding["verdict"]] for finding in ones), default=0)
    if best >= wanted:
        score.found[code] += 1
    else:
        how = f"no more than {Verdict(best).name}" if best else "not found"
        score.notes.append(f"MISSED {code} {wanted.name} {told.truth.where} of cell {number}: {how}")


def _claim(score: Score, finding: Document, known: dict[int, list[Told]], left: Left) -> None:
    code, verdict, number = finding["code"], Verdict[finding["verdict"]], _cell(finding)
    if verdict is Verdict.SUSPECT:
        return
    ones = [told for told in known.get(number, ()) if told.truth.code == code and told.truth.allows(verdict)]
    lost = code == INCOMPLETE and bool(left.hurt.get(number))
    untrue = [one for one in finding["evidence"] if not lost and not any(_fits(told, finding, one) for told in ones)]
    if untrue:
        score.wrong[code] += 1
        score.confirmed_falsely[code] += verdict is Verdict.CONFIRMED
        score.notes.append(
            f"FALSE {verdict.name} {code} of cell {number}: {untrue[0]['detail']} {_where(finding, untrue[0])}"
        )
    elif lost or any(told.truth.fault for told in ones):
        score.right[code] += 1


def _where(finding: Document, one: Document) -> dict[str, Any]:
    names = {name: finding[name] for name in ("service", "destination", "group", "cause")}
    return names | {name: one[name] for name in ("partition", "offset", "span_id")}


def _fits(told: Told, finding: Document, one: Document) -> bool:
    """Return whether an occurrence is where the truth is, as far as the truth says where."""
    return all(wanted in _values(name, finding, one) for name, wanted in told.truth.where.items())


def _values(name: str, finding: Document, one: Document) -> Iterator[Any]:
    if name in {"trace_id", "span_id"}:
        yield one[f"other_{name}"]
    yield one[name] if name in one else finding[name]


def interval(good: int, of: int) -> tuple[float, float]:
    """Return Wilson's interval of a share at 95 %."""
    if not of:
        return 0.0, 1.0
    share, square = good / of, Z * Z / of
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / of + square / of / 4) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)
