"""Whether two contenders emit the same: else their costs say nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from .contenders import ALL, Entry, configure, instrument, scenarios
from .stage import FETCHED, Consumer, Producer, same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

OBSERVED = ("eda.consumer.", "eda.producer.", "eda.telemetry.")  # looked at when collected, not made of messages
VARYING = {"messaging.kafka.offset", "eda.message.timestamp"}


def emitted(entry: Entry) -> dict[str, int]:
    """Send and process a few messages; give how often there was a span or metric of the same description."""
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    configure(entry.config, SimpleSpanProcessor(spans), reader)
    instrument(entry.who)
    for action in scenarios(entry, Producer(), Consumer(same()), Consumer(same())).values():
        action(FETCHED)
    counted = Counter(map(_described, spans.get_finished_spans()))
    return {**counted, **(_points(reader) if entry.config == ALL else {})}


def _described(span: ReadableSpan) -> str:
    parent = "root" if span.parent is None else "remote parent" if span.parent.is_remote else "child"
    links = sorted({(_attributes(link.attributes), link.context.is_remote) for link in span.links})
    parts = (span.name, span.kind.name, parent, _attributes(span.attributes), len(span.links), links)
    return " | ".join(map(str, parts))


def _attributes(attributes: Mapping[str, Any] | None) -> str:
    items = sorted((attributes or {}).items())
    return ", ".join(f"{key}={type(value).__name__ if key in VARYING else repr(value)}" for key, value in items)


def _points(reader: InMemoryMetricReader) -> dict[str, int]:
    data: MetricsData | None = reader.get_metrics_data()
    return {
        f"{metric.name} [{metric.unit}] {_attributes(point.attributes)}": _number(point)
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if metric.name.startswith(("messaging.", "eda.")) and not metric.name.startswith(OBSERVED)
    }


def _number(point: Any) -> int:
    return int(point.count if hasattr(point, "count") else point.value)


def differences(one: Mapping[str, int], other: Mapping[str, int]) -> list[str]:
    """Tell what one has and the other has not."""
    return [
        f"{one.get(key, 0)} against {other.get(key, 0)}: {key}"
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key)
    ]
