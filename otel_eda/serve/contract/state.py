"""The picture of a moment: GET /api/state, and each second in /api/events."""

from __future__ import annotations

from typing import Literal, TypedDict

VerdictName = Literal["CONFIRMED", "LIKELY", "SUSPECT"]


class Refused(TypedDict):
    """Requests that were not taken, and why."""

    why: str
    number: int


class Heard(TypedDict):
    """What has come since the start, how fast it comes, what was refused, and how old the latest is that is shown."""

    spans: int
    metrics: int
    logs: int
    spans_per_second: float
    refused: list[Refused]
    behind_seconds: float
    sources: list[str]
    services: list[str]
    notes: list[str]
    kept_bytes: int
    kept_from: float | None
    kept_to: float | None


class Node(TypedDict):
    """A service or a destination on the map; `findings` are those about it, `worst` is their highest verdict."""

    id: str
    kind: Literal["service", "destination"]
    name: str
    system: str | None
    findings: int
    worst: VerdictName | None


class Edge(TypedDict):
    """Who sends to a destination, or processes what is there: the last minute.

    `p50` and `p95` are durations of the operation, `queue_p50` and `queue_p95` the time from the end of the sending to
    the begin of the processing. What nobody reports is null.
    """

    id: str
    source: str
    target: str
    kind: Literal["send", "process"]
    group: str | None
    rate: float
    errors: float
    p50: float | None
    p95: float | None
    queue_p50: float | None
    queue_p95: float | None
    lag: int | None
    lag_seconds: float | None
    in_flight: int | None
    findings: int
    worst: VerdictName | None


class Group(TypedDict):
    """A consumer group at a destination, now; `name` is null for readers that name no group."""

    name: str | None
    services: list[str]
    rate: float
    errors: float
    lag: int | None
    lag_seconds: float | None
    in_flight: int | None


class Destination(TypedDict):
    """A destination, now: rates of the last minute. `failed_rate` counts attempts that failed."""

    name: str
    system: str | None
    sent_rate: float
    processed_rate: float
    failed_rate: float
    groups: list[Group]


class FindingCounts(TypedDict):
    """How many findings there are; `version` changes when any of them does."""

    number: int
    version: int
    by_verdict: dict[str, int]


class Withheld(TypedDict):
    """What is not said, and why: a check's code and title, or null where it is about the telemetry as such."""

    code: str | None
    title: str | None
    why: str
    number: int


class LeftOff(TypedDict):
    """What there is beyond what is shown."""

    nodes: int
    edges: int
    destinations: int


class State(TypedDict):
    """The whole picture at one moment."""

    version: int
    now: float
    began: float
    jaeger: str | None
    heard: Heard
    nodes: list[Node]
    edges: list[Edge]
    destinations: list[Destination]
    findings: FindingCounts
    withheld: list[Withheld]
    left_off: LeftOff
