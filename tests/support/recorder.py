"""Records what the instrumentation reports: spans and metrics, through the real SDK, into memory."""

from __future__ import annotations

import logging
import os
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

import otel_eda
from support.spans import attribute, describe, ids
from support.waiting import TIMEOUT, until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider as AnyMeterProvider
    from opentelemetry.sdk.metrics.export import Metric, NumberDataPoint
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import TracerProvider as AnyTracerProvider

    from otel_eda import Hooks

    Point = NumberDataPoint | HistogramDataPoint

TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
SETTINGS: dict[str, str] = {}  # with which everything is instrumented
APPLICATION = "application"  # the scope of spans that stand for the application's own
KEPT = ("OTEL_EDA_TEST_", "OTEL_EDA_CACHE")  # of the environment: they concern the tests, not what is tested


class Journal(SimpleSpanProcessor):
    """Exports each span when it ends; also remembers what has started, in that order."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        super().__init__(self.exporter)
        self.changed = threading.Condition()
        self._started: list[ReadableSpan] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        super().on_start(span, parent_context)
        with self.changed:
            self._started.append(span)

    def on_end(self, span: ReadableSpan) -> None:
        super().on_end(span)
        with self.changed:
            self.changed.notify_all()

    def ended(self) -> list[ReadableSpan]:
        """Give the exported spans, in the order in which they started."""
        with self.changed:
            order = {ids(span): place for place, span in enumerate(self._started)}
        return sorted(self.exporter.get_finished_spans(), key=lambda span: order[ids(span)])

    def forget(self) -> None:
        """Forget the spans that have ended."""
        with self.changed:
            self._started = [span for span in self._started if span.end_time is None]
            self.exporter.clear()

    def open(self) -> list[ReadableSpan]:
        """Give the spans that have started and not ended."""
        with self.changed:
            return [span for span in self._started if span.end_time is None]


class Recorder:
    """The telemetry of a run. Spans are asked for by their operation's type and come in the order they started."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self.journal = Journal()
        self.tracer_provider = TracerProvider(sampler, Resource.get_empty(), shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(self.journal)
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader], Resource.get_empty(), shutdown_on_exit=False)
        self.log_exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.logger_provider = LoggerProvider(Resource.get_empty(), shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.log_exporter))
        self.tracer = self.tracer_provider.get_tracer(APPLICATION)

    def sends(self, count: int, destination: str | None = None) -> list[ReadableSpan]:
        """Wait until that many sends have ended, and give them; a client's own threads end them."""
        return self._wait("send", count, destination)

    def settles(self, count: int, destination: str | None = None) -> list[ReadableSpan]:
        """Wait until that many settlements have ended, and give them."""
        return self._wait("settle", count, destination)

    def processes(self, count: int, destination: str | None = None) -> list[ReadableSpan]:
        """Give the process spans, of which that many have ended by now."""
        return self._now("process", count, destination)

    def receives(self, count: int, destination: str | None = None) -> list[ReadableSpan]:
        """Give the receive spans, of which that many have ended by now."""
        return self._now("receive", count, destination)

    def ours(self) -> list[ReadableSpan]:
        """Give every ended span that is not the application's own."""
        return [span for span in self.journal.ended() if not _own(span)]

    def own(self, name: str) -> list[ReadableSpan]:
        """Give the application's own ended spans of that name."""
        return [span for span in self.journal.ended() if _own(span) and span.name == name]

    def open(self, operation: str | None = None, destination: str | None = None) -> list[ReadableSpan]:
        """Give the spans of an operation that have not ended, the application's own left out."""
        return _chosen((span for span in self.journal.open() if not _own(span)), operation, destination)

    def _wait(self, operation: str, count: int, destination: str | None) -> list[ReadableSpan]:
        with self.journal.changed:
            self.journal.changed.wait_for(lambda: len(self._ended(operation, destination)) >= count, TIMEOUT)
        return self._now(operation, count, destination)

    def _now(self, operation: str, count: int, destination: str | None) -> list[ReadableSpan]:
        found = self._ended(operation, destination)
        assert len(found) == count, f"{operation} spans: {len(found)} ended, not {count}: {describe(found)}"
        return found

    def _ended(self, operation: str | None, destination: str | None) -> list[ReadableSpan]:
        return _chosen(self.journal.ended(), operation, destination)

    def metrics(self) -> dict[str, Metric]:
        """Collect; give every metric by its name."""
        return {metric.name: metric for metric in self._collected()}

    def _collected(self) -> Iterator[Metric]:
        data = self.reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                yield from scope.metrics

    def points(self, metric: str, destination: str | None = None) -> list[Point]:
        """Collect; give a metric's points of all libraries, none if nothing was recorded."""
        found: list[Any] = [point for one in self._collected() if one.name == metric for point in one.data.data_points]
        return [point for point in found if destination in {None, point.attributes.get(DESTINATION)}]

    def count(self, metric: str, destination: str | None = None) -> int:
        """Collect; give a counter's sum, or how often a histogram was recorded."""
        return sum(count(point) for point in self.points(metric, destination))

    def events(self, name: str, destination: str | None = None) -> list[dict[str, Any]]:
        """Give the attributes of each event of that name."""
        records = [item.log_record for item in self.log_exporter.get_finished_logs()]
        found: list[dict[str, Any]] = [dict(one.attributes or {}) for one in records if one.event_name == name]
        return [one for one in found if destination in {None, one.get(DESTINATION)}]

    def counted(self, metric: str, count: int, destination: str | None = None) -> list[Point]:
        """Wait until a metric has counted that many, and give its points."""
        until(lambda: self.count(metric, destination) >= count, f"{count} in {metric}")
        assert self.count(metric, destination) == count
        return self.points(metric, destination)

    def forget(self) -> None:
        """Forget spans and log records, as exporters do."""
        self.journal.forget()
        self.log_exporter.clear()

    def shutdown(self) -> None:
        """End the providers."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        self.logger_provider.shutdown()


def _own(span: ReadableSpan) -> bool:
    return span.instrumentation_scope is not None and span.instrumentation_scope.name == APPLICATION


def _chosen(spans: Iterable[ReadableSpan], operation: str | None, destination: str | None) -> list[ReadableSpan]:
    return [
        span
        for span in spans
        if operation in {None, attribute(span, TYPE)} and destination in {None, attribute(span, DESTINATION)}
    ]


def seconds(point: Point) -> float:
    """Give the sum of what a histogram recorded."""
    assert isinstance(point, HistogramDataPoint)
    return point.sum


def count(point: Point) -> int:
    """Give what a counter counted, or how often a histogram recorded."""
    return int(point.count if isinstance(point, HistogramDataPoint) else point.value)


class Complaints(logging.Handler):
    """Collects what must never be logged: exceptions of ours whoever caught them, misuse the SDK noticed, warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.name.startswith(("otel_eda", "opentelemetry.sdk")) or _ours(error):
            self.lines.append(f"{record.name}: {record.getMessage()}" + (f": {error!r}" if error else ""))


def _ours(error: BaseException | None) -> bool:
    modules = [
        frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__ if error else None)
    ]
    return any(str(module).startswith(("otel_eda", "opentelemetry")) for module in modules)


@contextmanager
def recording(
    *,
    sampler: Sampler = ALWAYS_ON,
    strict: bool = True,
    quiet: bool = True,
    tracer_provider: AnyTracerProvider | None = None,
    meter_provider: AnyMeterProvider | None = None,
    only: Iterable[str] | None = None,
    without: Iterable[str] | None = None,
    hooks: Hooks | None = None,
) -> Iterator[Recorder]:
    """Have everything instrumented for the length of the block; other providers may take the recorder's place."""
    recorder, complaints = Recorder(sampler), Complaints()
    logging.getLogger().addHandler(complaints)
    with _environment(SETTINGS | ({"OTEL_EDA_STRICT": "1"} if strict else {})):
        try:
            otel_eda.enable(
                tracer_provider=tracer_provider or recorder.tracer_provider,
                meter_provider=meter_provider or recorder.meter_provider,
                only=only,
                without=without,
                logger_provider=recorder.logger_provider,
                hooks=hooks,
            )
            yield recorder
        finally:
            otel_eda.disable()
            recorder.shutdown()
            logging.getLogger().removeHandler(complaints)
    assert not (quiet and complaints.lines), f"logged: {complaints.lines}"


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OTEL_") and not name.startswith(KEPT)]:
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        yield
