"""One run of an example: its programs under the launcher, what they export in files of OTLP and in Jaeger."""

from __future__ import annotations

import json
import re
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokers.spans import attributes

from otel_eda.demo.file_exporter import FileExporter
from otel_eda.demo.forward import forward
from otel_eda.demo.receiver import receiver
from otel_eda.demo.target import Target
from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.reports.plain import place
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.sources.jaeger import Jaeger
from otel_eda.diagnosis.store import Store
from otel_eda.otlp.json_lines import line
from support.programs import PATIENCE, launched
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from brokers import jaeger as jaeger_
    from brokers.kafka import Kafka
    from brokers.spans import Attributes, Span

    from otel_eda.diagnosis.finding import Finding
    from otel_eda.diagnosis.store import Source
    from otel_eda.otlp import Export
    from support.programs import Way

EXAMPLES = Path(__file__).parents[2] / "examples"
# The SDK gives up the last collection of metrics, too, after as long as there is between two.
SETTINGS = {"OTEL_METRIC_EXPORT_INTERVAL": "60000"}


@dataclass(frozen=True)
class Reading:
    """The last point of a series: its value, or how many a histogram has measured; their sum; the greatest value."""

    name: str
    service: str
    attributes: frozenset[tuple[str, object]]
    value: float
    sum: float
    peak: float


class Readings:
    """A sink that remembers the last point of each series."""

    def __init__(self) -> None:
        self.last: dict[object, Reading] = {}

    def __call__(self, export: Export) -> None:
        """Remember the points of a request."""
        if export.signal == "metrics":
            for resource in json.loads(line(export.request))["resourceMetrics"]:
                origin = attributes(resource["resource"])
                for metric in (each for scope in resource["scopeMetrics"] for each in scope["metrics"]):
                    (data,) = (metric[kind] for kind in ("sum", "gauge", "histogram") if kind in metric)
                    for point in data["dataPoints"]:
                        self._keep(metric["name"], origin, point)

    def _keep(self, name: str, origin: Attributes, point: Mapping[str, Any]) -> None:
        instance = {"service.instance.id": origin.get("service.instance.id")}
        said = frozenset({**attributes(point), **instance}.items())
        measured = "bucketCounts" in point
        value = int(point.get("count", 0)) if measured else _number(point)
        total, before = point.get("sum", 0.0) if measured else value, self.last.get((name, said))
        peak = max(value, before.peak if before else value)
        self.last[name, said] = Reading(name, str(origin["service.name"]), said, value, total, peak)


def _number(point: Mapping[str, Any]) -> float:
    return int(point["asInt"]) if "asInt" in point else float(point["asDouble"])


@dataclass
class Scene:
    """What one run of an example needs; its destinations and services are its own, for broker and Jaeger are shared."""

    kafka: Kafka
    jaeger: jaeger_.Jaeger
    kept: Path
    endpoint: str
    readings: Readings
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    names: dict[str, str] = field(default_factory=dict)

    def topic(self, plain: str, partitions: int = 1) -> str:
        """Make a topic that is called so in the README."""
        name = self.kafka.topic(partitions)
        self.names[name] = plain
        return name

    def way(self, service: str, **environ: str) -> Way:
        """Start by the launcher."""
        return launched(self.endpoint, f"{service}-{self.tag}", **{**SETTINGS, **environ})

    def plain(self, text: str) -> str:
        """Write a name as the README does: without what differs from run to run."""
        for name, plain in {**self.names, f"-{self.tag}": ""}.items():
            text = text.replace(name, plain)
        return text

    def spans(self, service: str, count: int) -> list[Span]:
        """Wait until Jaeger has that many spans in the traces of a service, and give them."""
        seen: list[Span] = []

        def probe() -> bool:
            now = datetime.now(timezone.utc)
            found = self.jaeger.find(f"{service}-{self.tag}", now - timedelta(minutes=10), now + timedelta(minutes=1))
            seen[:] = found
            return len(seen) >= count

        try:
            until(probe, f"{count} spans in Jaeger", PATIENCE)
        except TimeoutError as error:
            raise AssertionError("\n".join([str(error), *self.traces(seen)])) from None
        return seen

    def traces(self, spans: list[Span]) -> list[str]:
        """Draw each trace as the README does, in the order of their beginnings."""
        lines: dict[str, list[str]] = {}
        below: dict[str, list[Span]] = {}
        for span in spans:
            below.setdefault(span.parent_id, []).append(span)

        def grow(parent: str, before: str) -> None:
            children = below.get(parent, [])
            for span in children:
                last = span is children[-1]
                branch = ("└─ " if last else "├─ ") if parent else ""
                lines.setdefault(span.trace_id, []).append(f"{before}{branch}{self._line(span)}")
                grow(span.span_id, before + (("   " if last else "│  ") if parent else ""))

        grow("", "")
        return ["\n".join(each) for each in lines.values()]

    def _line(self, span: Span) -> str:
        error = f"  ERROR {span.attributes['error.type']}: {span.message}" if span.error else ""
        return self.plain(f"{span.service}: {span.name}{error}")

    def metric(self, name: str, service: str, **wanted: object) -> float:
        """Sum what a service's last readings of a metric say: a value, or how many a histogram has measured.

        `wanted` are attributes, the process's `service.instance.id` among them, their dots written as underscores.
        """
        return sum(reading.value for reading in self._last(name, service, wanted))

    def total(self, name: str, service: str, **wanted: object) -> float:
        """Sum likewise what a histogram has measured."""
        return sum(reading.sum for reading in self._last(name, service, wanted))

    def peak(self, name: str, service: str, **wanted: object) -> float:
        """Give the greatest reading that there ever was."""
        return max((reading.peak for reading in self._last(name, service, wanted)), default=0)

    def _last(self, name: str, service: str, wanted: dict[str, object]) -> list[Reading]:
        return [
            reading
            for reading in list(self.readings.last.values())
            if reading.name == name
            and self.plain(reading.service) == service
            and wanted.items() <= {key.replace(".", "_"): self._told(said) for key, said in reading.attributes}.items()
        ]

    def _told(self, said: object) -> object:
        return self.plain(said) if isinstance(said, str) else said

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Give the rows of a statement, as `otel-eda sql` does."""
        with Store() as store:
            store.read([Files(str(self.kept))])
            return store.ask(statement)

    def diagnose(self) -> tuple[Finding, ...]:
        """Give what `otel-eda diagnose` finds in the files of the run.

        The same is found in Jaeger's traces, though without metrics it may be proven less.
        """
        found = findings(Files(str(self.kept)))
        now = datetime.now(timezone.utc)
        services = sorted(service for service in self.jaeger.services() if service.endswith(f"-{self.tag}"))
        traces = Jaeger(self.jaeger.query, services, now - timedelta(minutes=10), now + timedelta(minutes=1))
        in_traces = findings(traces)
        # What is proven comes first, so the order may differ.
        proven, seen = self._by_words(found), self._by_words(in_traces)
        assert sorted(seen) == sorted(proven)
        assert all(seen[words].verdict <= finding.verdict for words, finding in proven.items())
        return found

    def _by_words(self, found: tuple[Finding, ...]) -> dict[str, Finding]:
        return {self.plain(f"{each.code} {place(each)}: {each.detail or each.cause}"): each for each in found}

    def said(self, found: tuple[Finding, ...]) -> list[str]:
        """Write findings as the README does."""
        return [
            self.plain(f"{each.code} {each.verdict.name} {place(each)}: {each.detail or each.cause}") for each in found
        ]


@contextmanager
def scene(kafka: Kafka, jaeger: jaeger_.Jaeger, kept: Path) -> Iterator[Scene]:
    """Keep in a folder, and send to Jaeger, whatever the programs of the block export."""
    readings = Readings()
    files = FileExporter(kept)
    with forward(Target(jaeger.otlp_http)) as forwarding, receiver(files, readings, forwarding) as endpoint:
        yield Scene(kafka, jaeger, kept, endpoint, readings)


def findings(source: Source) -> tuple[Finding, ...]:
    """Give what is found in a source."""
    with Store() as store:
        store.read([source])
        return engine.diagnose(store, catalog.checks(), Bounds()).findings


def promised(folder: str) -> list[str]:
    """Give the traces that an example's README shows."""
    return [shown.rstrip("\n") for shown in re.findall(r"```text\n(.*?)```", readme(folder), re.DOTALL)]


def announced(folder: str) -> list[str]:
    """Give the findings that an example's README shows."""
    return re.findall(r"^> (.*)$", readme(folder), re.MULTILINE)


def readme(folder: str) -> str:
    """Give an example's README."""
    return (EXAMPLES / folder / "README.md").read_text("utf-8")
