"""A cell of the mix: a few services that talk to each other, what they export, and what is true of them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faultlab.truth import Truth

from diagnosis.telemetry import BEGIN, SECOND, Service, Span, Telemetry, metric, pairs, scoped
from otel_eda.diagnosis.finding import Verdict

from . import styles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPREAD = 600.0  # seconds over which cells begin
EXPORT = 5.0  # seconds between the exports of a process
BATCH = 512  # spans in a request at most
READINGS = 3  # of a process's metrics
COUNTED_BY = ("messaging.destination.name", "messaging.consumer.group.name", "error.type")
QUIET = 400.0  # seconds that processes live on after the last message: longer than any message takes


@dataclass(frozen=True)
class Told:
    """What is true of a cell, the spans that show it, and whether a diagnosis has to say it or only may."""

    truth: Truth
    shown_by: frozenset[str]
    sought: bool
    enough: float = 1.0  # the share of those spans that shows it

    def is_left(self, gone: set[str]) -> bool:
        """Return whether it still shows where some spans are gone."""
        return len(self.shown_by - gone) >= self.enough * len(self.shown_by)


@dataclass(frozen=True)
class Line:
    """A request as a process exports it: its cell and service, and the spans and readings in it."""

    cell: int
    service: str
    items: frozenset[str]
    request: dict[str, Any]


@dataclass
class Cell:
    """Services whose names have the cell's number, so that a finding tells its cell."""

    number: int
    world: Telemetry = field(init=False)
    luck: random.Random = field(init=False)
    told: list[Told] = field(default_factory=list)
    unexported: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)  # processes that end without a last reading
    counted: bool = True
    share: float = 1.0  # of its traces that are sampled

    def __post_init__(self) -> None:
        self.world = Telemetry(self.number)
        self.luck = random.Random(self.number)  # the same again
        self.start = self.luck.uniform(0.0, SPREAD)
        self.style = self.luck.choice(styles.STYLES)
        self.logs: list[tuple[Service, dict[str, Any]]] = []
        self.points: list[tuple[Service, dict[str, Any]]] = []

    def service(self, role: str, *, skew: float = 0.0, **more: Any) -> Service:
        """Return a new process of a service."""
        made = self.world.service(f"{role}-{self.number}", skew=self.start + skew, **more)
        made.host = more.get("host", f"host-{self.number}")
        return made

    def named(self, name: str) -> str:
        """Return the cell's own destination of that name."""
        return f"{name}-{self.number}"

    def fault(self, code: str, verdict: str, *shown_by: Span | str, enough: float = 1.0, **where: Any) -> None:
        """Note a fault, which a diagnosis has to find if enough of the spans or readings that show it are there."""
        items = frozenset(item if isinstance(item, str) else item.id for item in shown_by)
        self.told.append(Told(Truth(code, verdict, True, where), items, True, enough))

    def also(self, code: str, most: str = "CONFIRMED", **where: Any) -> None:
        """Note what is so as well, such as what follows from a fault; a diagnosis may say it, so sure at most."""
        self.told.append(Told(Truth(code, most, most == "CONFIRMED", where), frozenset(), False))

    def log(self, service: Service, name: str, at: float, said: dict[str, Any]) -> None:
        """Have a process report an event of its own."""
        time = BEGIN + round((at + service.skew) * SECOND)
        self.logs.append((service, {"eventName": name, "timeUnixNano": str(time), "attributes": pairs(said)}))

    def measure(self, service: Service, name: str, at: float, value: float, *, said: dict[str, Any], kind: str) -> str:
        """Have a process measure something, as a `sum` or a `gauge`; return what the reading is called."""
        moment = {"timeUnixNano": str(BEGIN + round((at + service.skew) * SECOND)), "startTimeUnixNano": str(BEGIN)}
        points = {"dataPoints": [{**moment, "asDouble": value, "attributes": pairs(said)}]}
        self.points.append((service, {"name": name, kind: {**points, "aggregationTemporality": 2}}))
        return _reading(service, name)

    def rest(self) -> None:
        """Let every process live on for a while after the last message."""
        end = max(seconds(span, service) for service in self.world.services for span in service.spans)
        for service in (one for one in self.world.services if one.instance not in self.silent):
            service.other("still here", end + QUIET, 0.01)

    def lines(self) -> Iterator[Line]:
        """Yield all that the cell's processes export."""
        for service in self.world.services:
            for spans in _batches(self._exported(service)):
                style = self.style if service.system == "kafka" else styles.as_it_is
                items = [style(span.json) for span in spans]
                yield self._line(service, "resourceSpans", "scopeSpans", "spans", items, (span.id for span in spans))
            if self.counted and service.spans:
                for metrics in _readings(service, READINGS - (service.instance in self.silent)):
                    yield self._line(service, "resourceMetrics", "scopeMetrics", "metrics", metrics)
        for service, item in self.points:
            yield self._line(
                service, "resourceMetrics", "scopeMetrics", "metrics", [item], [_reading(service, item["name"])]
            )
        for service, item in self.logs:
            yield self._line(service, "resourceLogs", "scopeLogs", "logRecords", [item])

    def _exported(self, service: Service) -> list[Span]:
        kept = [span for span in service.spans if span.id not in self.unexported]
        return [span for span in kept if int(span.trace[:8], 16) < self.share * 2**32]

    def _line(  # noqa: PLR0917
        self, service: Service, top: str, scopes: str, kind: str, items: list[dict[str, Any]], names: Iterable[str] = ()
    ) -> Line:
        return Line(self.number, service.name, frozenset(names), scoped(service, top, scopes, kind, items))


def least(told: Told, whole: bool) -> Verdict:
    """Return how sure a finding has to be: as sure as can be, or only a hint where telemetry is missing."""
    return told.truth.least if whole else Verdict.SUSPECT


def seconds(span: Span, service: Service) -> float:
    """Return when a span ended, in seconds as its service's methods take them."""
    return (ended(span) - BEGIN) / SECOND - service.skew


def ended(span: Span) -> int:
    """Return a span's end."""
    return int(span.json["endTimeUnixNano"])


def _batches(spans: list[Span]) -> Iterator[list[Span]]:
    """Yield the spans as a process exports them: every few seconds, or earlier if there are many."""
    batch: list[Span] = []
    for span in sorted(spans, key=ended):
        if batch and (len(batch) == BATCH or ended(span) - ended(batch[0]) > EXPORT * SECOND):
            yield batch
            batch = []
        batch.append(span)
    if batch:
        yield batch


def _readings(service: Service, readings: int) -> Iterator[list[dict[str, Any]]]:
    """Yield what a process counted of the messages that it sent and processed, at a few times."""
    first, last = min(map(ended, service.spans)), max(map(ended, service.spans))
    for number in range(1, readings + 1):
        time = first + (last - first) * number // READINGS + SECOND
        counts = Counter(key for span in service.spans if ended(span) <= time for key in _counted_as(span))
        yield [metric(type_, count, time, dict(said)) for (type_, *said), count in counts.items()]


def _reading(service: Service, name: str) -> str:
    return f"{service.instance}:{name}"


def _counted_as(span: Span) -> Iterator[tuple[Any, ...]]:
    said = {pair["key"]: pair["value"].get("stringValue") for pair in span.json["attributes"]}
    type_ = said.get("messaging.operation.type")
    if type_ in {"send", "process"}:
        yield type_, *((name, said[name]) for name in COUNTED_BY if name in said)
