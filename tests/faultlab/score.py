"""Findings against the truth: what was found, missed, and claimed falsely."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis.finding import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .truth import Truth

FAULTY, SOUND = "faulty", "sound"
Document = dict[str, Any]


@dataclass
class Tally:
    """Of one check: faults are truths of one kind in one scenario, findings are as reported."""

    faults: int = 0
    found: int = 0
    right: int = 0
    wrong: int = 0
    suspected: int = 0

    @property
    def recall(self) -> float | None:
        """The share of faults that were found."""
        return self.found / self.faults if self.faults else None

    @property
    def precision(self) -> float | None:
        """The share of findings that are right."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    def add(self, other: Tally) -> None:
        """Take another tally in."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass
class Score:
    """Of one scenario."""

    name: str
    kind: str
    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    notes: list[str] = field(default_factory=list)
    confirmed_falsely: int = 0
    broken: bool = False


def scored(name: str, kind: str, truths: list[Truth], findings: list[Document]) -> Score:
    """Compare."""
    score = Score(name, kind)
    if (kind == FAULTY) is not any(truth.fault for truth in truths):
        return broken(name, kind, "its programs noted no fault" if kind == FAULTY else "its programs noted a fault")
    for finding in findings:
        _claim(score, truths, finding)
    faults: dict[tuple[str, str], list[Truth]] = defaultdict(list)
    for truth in truths:
        if truth.fault:
            faults[truth.program, truth.code].append(truth)
    for ones in faults.values():
        _seek(score, ones, findings)
    return score


def broken(name: str, kind: str, why: str) -> Score:
    """Give the score of a scenario that did not play as it should."""
    return Score(name, kind, notes=[f"BROKEN: {why}"], broken=True)


def _claim(score: Score, truths: Iterable[Truth], finding: Document) -> None:
    """Judge one finding: each of its occurrences has to be true."""
    tally, verdict = score.tallies[finding["code"]], Verdict[finding["verdict"]]
    known = [truth for truth in truths if truth.code == finding["code"] and truth.allows(verdict)]
    untrue = [one for one in finding["evidence"] if not any(_fits(truth, finding, one) for truth in known)]
    if verdict is Verdict.SUSPECT:
        tally.suspected += bool(untrue)
        return
    excused = not any(truth.fault for truth in known)
    score.confirmed_falsely += bool(untrue) and verdict is Verdict.CONFIRMED
    if untrue:
        tally.wrong += 1
        score.notes.append(f"FALSE {_told(finding, untrue[0])}")
    elif not excused:
        tally.right += 1


def _seek(score: Score, truths: list[Truth], findings: list[Document]) -> None:
    """Look for a fault: each of its truths has to be found, sure enough."""
    tally = score.tallies[truths[0].code]
    tally.faults += 1
    missed = [truth for truth in truths if _best(truth, findings) < truth.least]
    tally.found += not missed
    if missed:
        best = _best(missed[0], findings)
        how = f"no more than {Verdict(best).name}" if best else "not found"
        of = f"{len(missed)} of {len(truths)}, as {missed[0].where}"
        score.notes.append(f"MISSED {missed[0].code} {of}: {how}")


def _best(truth: Truth, findings: Iterable[Document]) -> int:
    verdicts = (
        Verdict[finding["verdict"]]
        for finding in findings
        if finding["code"] == truth.code and any(_fits(truth, finding, one) for one in finding["evidence"])
    )
    return max(verdicts, default=0)


def _fits(truth: Truth, finding: Document, occurrence: Document) -> bool:
    """Tell whether an occurrence is where the truth is, as far as the truth says where."""
    return all(
        PARTS[name](finding, occurrence, wanted) if name in PARTS else wanted in _values(name, finding, occurrence)
        for name, wanted in truth.where.items()
    )


# Words of a truth that are a part of what a finding says: of the destination's name, the message's, or the detail.
PARTS: dict[str, Callable[[Document, Document, str], bool]] = {
    "within": lambda finding, _, wanted: wanted in (finding["destination"] or wanted),
    "created": lambda _, occurrence, wanted: (occurrence["message"] or "").startswith(wanted),
    "said": lambda _, occurrence, wanted: wanted in (occurrence["detail"] or ""),
}


def _values(name: str, finding: Document, occurrence: Document) -> Iterator[Any]:
    if name in {"trace_id", "span_id", "instance"}:
        yield occurrence[f"other_{name}"]
    yield occurrence[name] if name in occurrence else finding[name]


def _told(finding: Document, occurrence: Document) -> str:
    where = {name: finding[name] for name in ("service", "destination", "group")}
    where |= {name: occurrence[name] for name in ("partition", "offset", "detail")}
    known = {name: value for name, value in where.items() if value is not None}
    return f"{finding['verdict']} {finding['code']} {known}"
