"""Links a finding to the findings of the same messages that may have caused it, and these to their own causes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .finding import Finding

# The checks whose fault may cause the fault of a check, the likeliest first.
POSSIBLE_CAUSES = {
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
    "EDA801": ("EDA803", "EDA804", "EDA504"),
    "EDA802": ("EDA801", "EDA803"),
    "EDA803": ("EDA804",),
}


def linked(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, each with the chain of its causes."""
    return [replace(finding, because=tuple(map(_text, chain(finding, findings)))) for finding in findings]


def chain(finding: Finding, findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings behind a finding: its cause, that one's cause, and so on."""
    return _causes(finding, findings, {finding.code})


def _causes(finding: Finding, findings: Sequence[Finding], seen: set[str]) -> list[Finding]:
    for code in POSSIBLE_CAUSES.get(finding.code, ()):
        for other in findings:
            if other.code == code and code not in seen and _same_messages(finding, other):
                return [other, *_causes(other, findings, seen | {code})]
    return []


def _text(cause: Finding) -> str:
    return f"{cause.title.lower()} ({cause.code}, {cause.verdict.name}): {cause.cause}"


def _same_messages(one: Finding, other: Finding) -> bool:
    """Return whether two findings are about the same messages, as far as both name their place."""
    pairs = (one.destination, other.destination), (one.group, other.group), (one.partition, other.partition)
    return one.destination is not None and all(left == right or not (left and right) for left, right in pairs)
