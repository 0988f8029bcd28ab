"""What is true of each file of telemetry in this folder, and how a diagnosis of it compares with that.

`NAME.expect` says which findings must be there, which may, and which causes are wrong. `NAME.truth` is the diary of the
program that was recorded, a JSON line for each message with a fault. A finding above SUSPECT of which neither speaks is
false.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.finding import Finding, Verdict
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CASES = sorted(str(path.relative_to(HERE)).partition(".")[0] for path in HERE.glob("*/*.jsonl.gz"))
ALL = 100_000  # evidence that a finding shows: all of it


@dataclass(frozen=True)
class Wanted:
    """A finding that must be there, by one of some codes; at a place, if there is one."""

    codes: tuple[str, ...]
    least: Verdict
    place: tuple[str, int] | None

    def is_met_by(self, finding: Finding) -> bool:
        """Return whether a finding is the wanted one."""
        return (
            finding.code in self.codes
            and finding.verdict >= self.least
            and (self.place is None or self.place in places(finding))
        )


@dataclass(frozen=True)
class Expectation:
    """What must, may and must not be said about one file of telemetry."""

    about: str
    wanted: tuple[Wanted, ...]
    allowed: dict[str, Verdict]
    wrong_causes: dict[str, str]
    grace: float

    def allows(self, finding: Finding) -> bool:
        """Return whether a finding is SUSPECT, or may be there, or is only about places where it must be."""
        if finding.verdict <= max(Verdict.SUSPECT, self.allowed.get(finding.code, Verdict.SUSPECT)):
            return True
        wanted = [one.place for one in self.wanted if finding.code in one.codes]
        return None in wanted or (bool(wanted) and places(finding) <= set(wanted))


@dataclass(frozen=True)
class Result:
    """How a diagnosis compares with what is expected."""

    name: str
    found: list[Wanted] = field(default_factory=list)
    missed: list[Wanted] = field(default_factory=list)
    true: list[Finding] = field(default_factory=list)
    false: list[Finding] = field(default_factory=list)
    wrongly_explained: list[Finding] = field(default_factory=list)

    @property
    def falsely_confirmed(self) -> list[Finding]:
        """The false findings that are CONFIRMED."""
        return [finding for finding in self.false if finding.verdict is Verdict.CONFIRMED]


def places(finding: Finding) -> set[tuple[str, int] | None]:
    """Return the partitions and offsets that a finding's evidence names."""
    return {
        (item.partition, item.offset)
        for item in finding.evidence
        if item.partition is not None and item.offset is not None
    }


def read(name: str) -> Expectation:
    """Return what is expected of a file of telemetry."""
    said: dict[str, Any] = json.loads((HERE / f"{name}.expect").read_text("utf-8"))
    options = said["options"]
    return Expectation(
        said["about"],
        (*_musts(said), *_diary(name)),
        {code: Verdict[most] for code, most in said["may"].items()},
        said["no such cause"],
        float(options[options.index("--grace") + 1]),
    )


def _musts(said: dict[str, Any]) -> Iterator[Wanted]:
    for must in said["must"]:
        for place in must["places"] or [None]:
            yield Wanted((must["code"],), Verdict[must["at least"]], place and (place[0], place[1]))


def _diary(name: str) -> Iterator[Wanted]:
    diary = HERE / f"{name}.truth"
    lines = diary.read_text("utf-8").splitlines() if diary.exists() else []
    for note in map(json.loads, dict.fromkeys(line for line in lines if line)):
        codes = (note["code"], note["either"]) if "either" in note else (note["code"],)
        yield Wanted(codes, Verdict[note["least"]], (str(note["partition"]), note["offset"]))


def diagnosed(name: str) -> tuple[Finding, ...]:
    """Return the findings about a file of telemetry, each with all its evidence."""
    with Store() as store:
        store.read([Files(str(HERE / f"{name}.jsonl.gz"))])
        return engine.diagnose(store, catalog.checks(), Bounds(grace=read(name).grace), evidence=ALL).findings


def judge(name: str, findings: tuple[Finding, ...]) -> Result:
    """Compare findings with what is expected."""
    expected, result = read(name), Result(name)
    for wanted in expected.wanted:
        met = any(wanted.is_met_by(finding) for finding in findings)
        (result.found if met else result.missed).append(wanted)
    for finding in findings:
        if finding.verdict > Verdict.SUSPECT:
            (result.true if expected.allows(finding) else result.false).append(finding)
        wrong = expected.wrong_causes.get(finding.code)
        if wrong and wrong in finding.cause:
            result.wrongly_explained.append(finding)
    return result
