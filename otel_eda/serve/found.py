"""All findings so far: those that the checks find now, and those whose telemetry has left the window."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis import catalog, causes
from otel_eda.diagnosis.reports.json import finding as as_json
from otel_eda.diagnosis.settings import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.finding import Finding, Verdict

    from .contract.answers import CauseGroup, FindingEntry
    from .contract.state import Withheld

MOST = 2000  # findings; the oldest that are not found any more go first


@dataclass
class Entry:
    """A finding, when it was first found, and whether the last evaluation found it."""

    id: str
    finding: Finding
    found: float
    present: bool = True

    @property
    def rank(self) -> tuple[int, bool, float]:
        """What comes first."""
        return -self.finding.verdict, not self.present, -(self.finding.last_time or 0)


class Found:
    """The findings of all evaluations; `version` changes whenever they do."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries: dict[str, Entry] = {}
        self.version = 0
        self.began = time.time()
        self.evaluations = 0
        self.withheld: list[Withheld] = []

    def update(self, diagnosis: Diagnosis, now: float) -> None:
        """Take the findings of an evaluation."""
        named = _named(diagnosis.findings)
        with self.lock:
            before = {key: (entry.finding, entry.present) for key, entry in self.entries.items()}
            for key, entry in self.entries.items():
                entry.present = key in named
            for key, finding in named.items():
                known = self.entries.setdefault(key, Entry(key, finding, now))
                known.finding = finding
            self._forget()
            self.evaluations += 1
            self.withheld = list(_withheld(diagnosis))
            self.version += before != {key: (entry.finding, entry.present) for key, entry in self.entries.items()}

    def all(self) -> list[Entry]:
        """Return all findings, the worst first."""
        with self.lock:
            return sorted(self.entries.values(), key=lambda entry: entry.rank)

    def _forget(self) -> None:
        """Forget what was proven better since, and the oldest of too many."""
        best: dict[str, Verdict] = {}
        for entry in self.entries.values():
            if entry.present:
                place = _place(entry.finding)
                best[place] = max(entry.finding.verdict, best.get(place, entry.finding.verdict))
        gone = [
            key
            for key, entry in self.entries.items()
            if not entry.present and best.get(_place(entry.finding), 0) > entry.finding.verdict
        ]
        gone += [key for key, entry in self.entries.items() if not entry.present][: max(len(self.entries) - MOST, 0)]
        for key in gone:
            self.entries.pop(key, None)


def entry(item: Entry, jaeger: str | None) -> FindingEntry:
    """Return a finding as the API has it."""
    finding = item.finding
    return {
        "id": item.id,
        "found": item.found,
        "present": item.present,
        "first": _seconds(finding.first_time or finding.last_time),
        "last": _seconds(finding.last_time or finding.first_time),
        "finding": as_json(finding, jaeger),
    }


def grouped(items: list[Entry], everything: list[Entry], jaeger: str | None) -> list[CauseGroup]:
    """Return findings by their roots, in the order of the first of each."""
    findings = [item.finding for item in everything]
    groups: dict[str, CauseGroup] = {}
    for item in items:
        root = (causes.chain(item.finding, findings) or [item.finding])[-1]
        key = _key(root)
        group = groups.setdefault(key, _group(key, root, item))
        group["findings"].append(entry(item, jaeger))
    return list(groups.values())


def _group(key: str, root: Finding, worst: Entry) -> CauseGroup:
    name: Any = worst.finding.verdict.name
    return {
        "id": key,
        "code": root.code,
        "title": root.title,
        "cause": root.cause,
        "destination": root.destination,
        "worst": name,
        "findings": [],
    }


def _named(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return findings by names that stay the same from one evaluation to the next."""
    named: dict[str, Finding] = {}
    for finding in findings:
        key, number = _key(finding), 1
        while key in named:
            number += 1
            key = f"{_key(finding)}-{number}"
        named[key] = finding
    return named


def _place(finding: Finding) -> str:
    parts = (
        finding.code,
        finding.system,
        finding.service,
        finding.destination,
        finding.group,
        finding.error,
        finding.cause,
    )
    return repr(parts)


def _key(finding: Finding) -> str:
    return hashlib.sha256(f"{_place(finding)}{finding.verdict}".encode(errors="replace")).hexdigest()[:16]


def _seconds(time: int | None) -> float | None:
    return None if time is None else time / SECOND


def _withheld(diagnosis: Diagnosis) -> Iterable[Withheld]:
    titles = {check.code: check.title for check in catalog.checks()}
    for code, number in sorted(diagnosis.young.items()):
        if number:
            why = "it happened so recently that telemetry about it may still be on its way"
            yield {"code": code, "title": titles.get(code), "why": why, "number": number}
    for sentence in diagnosis.unasked:
        yield {"code": None, "title": None, "why": sentence, "number": 1}
