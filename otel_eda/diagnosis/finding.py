"""Findings: a fault, how far it is proven, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Verdict(IntEnum):
    """How far a finding is proven."""

    SUSPECT = 1
    LIKELY = 2
    CONFIRMED = 3


@dataclass(frozen=True)
class Gate:
    """A condition of a proof: whether it holds for every occurrence, and why it does or does not."""

    code: str
    held: bool
    why: str


@dataclass(frozen=True)
class Evidence:
    """One occurrence, with all that a person needs to check it; times in nanoseconds since 1970."""

    trace_id: str | None
    span_id: str | None
    other_trace_id: str | None
    other_span_id: str | None
    instance: str | None
    other_instance: str | None
    partition: str | None
    offset: int | None
    before: int | None
    after: int | None
    message: str | None
    time: int | None
    detail: str | None


@dataclass(frozen=True)
class Finding:
    """One fault, or many similar ones: what, how sure, where, when, the proof, the likely cause, what to do.

    `partition` is None if there is none or there are several, `offsets` if there are none. `because` has the findings
    behind this one, the nearest first. Times are nanoseconds since 1970.
    """

    code: str
    title: str
    verdict: Verdict
    system: str | None
    service: str | None
    destination: str | None
    group: str | None
    partition: str | None
    offsets: tuple[int, int] | None
    key: str | None
    message: str | None
    error: str | None
    count: int
    first_time: int | None
    last_time: int | None
    evidence: tuple[Evidence, ...]
    gates: tuple[Gate, ...]
    cause: str
    action: str
    detail: str | None
    because: tuple[str, ...] = field(default=())

    @property
    def trace_ids(self) -> tuple[str, ...]:
        """The traces of the evidence, each once."""
        traces = (trace for item in self.evidence for trace in (item.trace_id, item.other_trace_id))
        return tuple(dict.fromkeys(trace for trace in traces if trace))

    @property
    def span_ids(self) -> tuple[str, ...]:
        """The spans of the evidence, each once."""
        spans = (span for item in self.evidence for span in (item.span_id, item.other_span_id))
        return tuple(dict.fromkeys(span for span in spans if span))

    @property
    def instances(self) -> tuple[str, ...]:
        """The processes of the evidence, each once."""
        names = (name for item in self.evidence for name in (item.instance, item.other_instance))
        return tuple(dict.fromkeys(name for name in names if name))
