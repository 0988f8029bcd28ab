"""From symptom to cause: which other finding of the same messages explains a finding, and which explains that one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .finding import Finding

# What may lie behind a fault, the likeliest first.
BEHIND = {
    "EDA104": ("EDA402", "EDA401"),
    "EDA105": ("EDA504", "EDA503", "EDA502"),
    "EDA107": ("EDA701",),
    "EDA201": ("EDA101",),
    "EDA202": ("EDA203", "EDA602", "EDA503", "EDA502"),
    "EDA203": ("EDA602", "EDA503", "EDA502"),
    "EDA301": ("EDA203", "EDA602"),
    "EDA403": ("EDA402", "EDA401"),
    "EDA404": ("EDA402", "EDA401"),
    "EDA405": ("EDA402", "EDA401"),
    "EDA501": ("EDA504", "EDA503", "EDA502", "EDA601", "EDA702"),
    "EDA504": ("EDA503", "EDA402", "EDA601", "EDA602", "EDA502"),
    "EDA602": ("EDA503", "EDA502"),
}


def explained(findings: Sequence[Finding]) -> list[Finding]:
    """Give the findings, each with the chain of those behind it."""
    return [replace(finding, because=tuple(_behind(finding, findings, {finding.code}))) for finding in findings]


def _behind(finding: Finding, findings: Sequence[Finding], seen: set[str]) -> list[str]:
    for code in BEHIND.get(finding.code, ()):
        for other in findings:
            if other.code == code and code not in seen and _alike(finding, other):
                said = f"{other.title.lower()} ({code}, {other.verdict.name}): {other.cause}"
                return [said, *_behind(other, findings, seen | {code})]
    return []


def _alike(one: Finding, other: Finding) -> bool:
    """Tell whether two findings are about the same messages, as far as both say."""
    pairs = (one.destination, other.destination), (one.group, other.group), (one.partition, other.partition)
    return one.destination is not None and all(left == right or not (left and right) for left, right in pairs)
