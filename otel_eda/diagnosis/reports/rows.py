"""Puts findings in the order in which a person should read them, and those of one cause in one row."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_eda.diagnosis import causes

from .plain import place, times

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from otel_eda.diagnosis.finding import Finding

MOST_PLACES = 3  # destinations that a row names


@dataclass(frozen=True)
class Row:
    """One finding, or several that differ in their destinations alone."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The finding that stands for all."""
        return self.findings[0]

    @property
    def count(self) -> int:
        """The number of occurrences."""
        return sum(finding.count for finding in self.findings)

    def place(self) -> str:
        """Return where it is: of the first finding all, of the others the destinations."""
        others = [finding.destination or "-" for finding in self.findings[1:]]
        more = len(others) - MOST_PLACES + 1
        named = others if more <= 1 else [*others[: MOST_PLACES - 1], f"{more} more"]
        return ", ".join([place(self.first), *named])

    def times(self, *, date: bool) -> tuple[str, ...]:
        """Return when it was: a time, or two."""
        known = [time for finding in self.findings for time in (finding.first_time, finding.last_time) if time]
        return times(min(known, default=None), max(known, default=None), date=date)


def rows(findings: Sequence[Finding]) -> list[Row]:
    """Return the findings in rows: each after what caused it, otherwise in their order."""
    kinds: dict[Hashable, list[Finding]] = defaultdict(list)
    for finding in _causes_first(findings):
        kinds[_kind(finding)].append(finding)
    made: list[Row] = []
    for alike in kinds.values():
        apart = len({finding.destination for finding in alike}) == len(alike)
        made += [Row(tuple(alike))] if apart else [Row((finding,)) for finding in alike]
    return made


def _kind(finding: Finding) -> Hashable:
    return finding.code, finding.verdict, finding.system, finding.service, finding.group, finding.cause, finding.error


def _causes_first(findings: Sequence[Finding]) -> list[Finding]:
    ordered: dict[int, Finding] = {}
    for finding in findings:
        for one in (*reversed(causes.chain(finding, findings)), finding):
            ordered.setdefault(id(one), one)
    return list(ordered.values())
