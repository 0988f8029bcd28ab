"""The answers to questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from .state import VerdictName, Withheld

MessageState = Literal["sent", "unsent", "processed", "failed", "under_way", "lost"]


class FindingEntry(TypedDict):
    """A finding as `otel-eda diagnose --format json` has it, when it was first found, and whether it still is."""

    id: str
    found: float
    present: bool
    first: float | None
    last: float | None
    finding: dict[str, Any]


class CauseGroup(TypedDict):
    """Findings with one root: the code, title and cause at the end of their chains."""

    id: str
    code: str
    title: str
    cause: str
    destination: str | None
    worst: VerdictName
    findings: list[FindingEntry]


class FindingsAnswer(TypedDict):
    """GET /api/findings: `matching` of all `number`, at most `limit` of them in the groups, the worst first."""

    version: int
    number: int
    matching: int
    codes: list[dict[str, Any]]
    groups: list[CauseGroup]
    withheld: list[Withheld]


class Interval(TypedDict):
    """Messages by the time they were sent, and what has become of them until now."""

    time: float
    sent: int
    unsent: int
    processed: int
    failed: int
    under_way: int
    lost: int


class DeliverySeries(TypedDict):
    """The messages of one destination, as one group has them; `grace` is after how long a message counts as lost."""

    destination: str
    system: str | None
    group: str | None
    grace: float
    intervals: list[Interval]
    total: Interval


class DeliveryAnswer(TypedDict):
    """GET /api/delivery."""

    since: float
    until: float
    step: float
    series: list[DeliverySeries]
    left_off: int


class DeliveredMessage(TypedDict):
    """One message: where it is, who sent it and when, and what has become of it."""

    state: MessageState
    sent_at: float
    service: str
    trace_id: str
    span_id: str
    message_id: str | None
    correlation_id: str | None
    partition: str | None
    offset: int | None
    key: str | None
    attempts: int
    processed_at: float | None
    error: str | None


class MessagesAnswer(TypedDict):
    """GET /api/delivery/messages: the first `limit` of `number` messages."""

    number: int
    messages: list[DeliveredMessage]


class Forecast(TypedDict):
    """What is to come: `points` are time, lowest, middle and highest value; `says` is it in words."""

    points: list[tuple[float, float, float, float]]
    says: str
    first: float | None
    last: float | None


class LagSeries(TypedDict):
    """A group's lag over time: time, messages, seconds, median queue time; null where it was not reported.

    `unknown_sends` are attempts at messages that nobody is known to have sent within an hour before, so without a queue
    time.
    """

    destination: str
    group: str | None
    points: list[tuple[float, float | None, float | None, float | None]]
    forecast: Forecast | None
    unknown_sends: int


class LagAnswer(TypedDict):
    """GET /api/lag."""

    since: float
    until: float
    step: float
    series: list[LagSeries]
    left_off: int


class HeatAnswer(TypedDict):
    """GET /api/heat: for each time, how many durations are up to each bound; the last row has no upper bound (null)."""

    destination: str | None
    group: str | None
    step: float
    times: list[float]
    bounds: list[float | None]
    counts: list[list[int]]
    errors: list[int]


class End(TypedDict):
    """From where an event came into being to where it was processed last: time from begin to end."""

    origin: str
    final: str
    count: int
    p50: float
    p95: float
    p99: float
    points: list[tuple[float, float, float]]


class Hop(TypedDict):
    """One step of a way: waiting at a destination, or processing there; `since_origin` is from the very begin."""

    source: str
    target: str
    kind: Literal["send", "queue", "process"]
    group: str | None
    count: int
    p50: float
    p95: float
    p99: float


class LatencyLeftOff(TypedDict):
    """The rarest of what there is beyond what is shown."""

    ends: int
    hops: int


class LatencyAnswer(TypedDict):
    """GET /api/latency."""

    since: float
    until: float
    ends: list[End]
    hops: list[Hop]
    left_off: LatencyLeftOff


class TraceSpan(TypedDict):
    """One span of an event; `cause` is the span that it comes of. Times in seconds since 1970."""

    trace_id: str
    span_id: str
    cause: str | None
    service: str
    name: str
    type: str | None
    destination: str | None
    group: str | None
    partition: str | None
    offset: int | None
    attempt: int
    start: float
    end: float
    outcome: str
    error: str | None
    error_text: str | None
    jaeger: str | None


class TraceAnswer(TypedDict):
    """GET /api/trace: the spans of one event, what is missing of it, or what is called nearly so."""

    event: str
    spans: list[TraceSpan]
    missing: list[str]
    near: list[str]


class Side(TypedDict):
    """One of two times that are compared; times of the operation and of queueing, null where nothing is known."""

    sent_rate: float
    processed_rate: float
    failed_rate: float
    error_share: float | None
    p50: float | None
    p95: float | None
    queue_p50: float | None
    queue_p95: float | None
    unknown_sends: int


class CompareRow(TypedDict):
    """A destination and group in both times; null where it was not there."""

    destination: str
    group: str | None
    a: Side | None
    b: Side | None


class CompareAnswer(TypedDict):
    """GET /api/compare: findings are those that happened in one of the times, in both, by their ids.

    Rates are those of the seconds of which telemetry was kept: `a_kept`, `b_kept`. Findings are known since
    `findings_since`.
    """

    a: tuple[float, float]
    b: tuple[float, float]
    a_kept: float
    b_kept: float
    findings_since: float
    rows: list[CompareRow]
    only_a: list[FindingEntry]
    only_b: list[FindingEntry]
    both: list[FindingEntry]


class Failure(TypedDict):
    """What any address answers that cannot answer: in words."""

    error: str
