"""Rows as the Collector's ClickHouse exporter writes them, and the tables that it makes, without their indexes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row = dict[str, Any]
MAP = "Map(LowCardinality(String), String)"
POINT = f"""ResourceAttributes {MAP}, ScopeName String, ServiceName LowCardinality(String),
    MetricName LowCardinality(String), Attributes {MAP}, StartTimeUnix {{time}}, TimeUnix {{time}},"""
TABLES = {
    "otel_traces": f"""Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String,
        SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String),
        ResourceAttributes {MAP}, ScopeName String, SpanAttributes {MAP}, Duration UInt64,
        StatusCode LowCardinality(String), StatusMessage String,
        Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes {MAP}),
        Links Nested (TraceId String, SpanId String, TraceState String, Attributes {MAP})""",
    "otel_logs": f"""Timestamp DateTime64(9), TraceId String, SpanId String, SeverityNumber UInt8,
        ServiceName LowCardinality(String), ResourceAttributes {MAP}, ScopeName String, LogAttributes {MAP},
        EventName String""",
    "otel_metrics_sum": f"{POINT} Value Float64, AggregationTemporality Int32, IsMonotonic Boolean",
    "otel_metrics_gauge": f"{POINT} Value Float64",
    "otel_metrics_histogram": f"{POINT} Count UInt64, Sum Float64, AggregationTemporality Int32",
    "otel_metrics_exponential_histogram": f"{POINT} Count UInt64, Sum Float64, AggregationTemporality Int32",
}
ORDER = {"otel_traces": "(ServiceName, SpanName, toDateTime(Timestamp))", "otel_logs": "(ServiceName, Timestamp)"}
METRICS = {
    "sum": "sum",
    "gauge": "gauge",
    "histogram": "histogram",
    "exponentialHistogram": "exponential_histogram",
}
KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")


def ddl(table: str, time: str = "DateTime64(9)") -> str:
    """Return the statement that makes a table; the exporter itself keeps the times of metrics as `DateTime`."""
    order = ORDER.get(table, "(ServiceName, MetricName, TimeUnix)")
    return f"CREATE TABLE {table} ({TABLES[table].format(time=time)}) ENGINE MergeTree ORDER BY {order}"


def rows(requests: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Yield the name of a table and a row for each span, point and record of some requests of OTLP."""
    for request in requests:
        for name, resources in request.items():
            for resource in resources:
                for scope in resource.get(f"scope{name.removeprefix('resource')}", ()):
                    yield from _rows(name, resource, scope)


def _rows(name: str, resource: Row, scope: Row) -> Iterator[tuple[str, Row]]:
    said = _map(resource.get("resource", {}))
    common = {
        "ResourceAttributes": said,
        "ServiceName": said.get("service.name", ""),
        "ScopeName": scope.get("scope", {}).get("name", ""),
    }
    for span in scope.get("spans", ()):
        yield "otel_traces", common | _span(span)
    for record in scope.get("logRecords", ()):
        yield "otel_logs", common | _record(record)
    for metric in scope.get("metrics", ()):
        for kind in metric.keys() & METRICS.keys():
            for point in metric[kind].get("dataPoints", ()):
                yield (
                    f"otel_metrics_{METRICS[kind]}",
                    common | {"MetricName": metric["name"]} | _point(kind, metric[kind], point),
                )


def _span(span: Row) -> Row:
    events, links = span.get("events", ()), span.get("links", ())
    start = int(span.get("startTimeUnixNano", 0))
    return {
        "Timestamp": _time(start),
        "Duration": (int(span.get("endTimeUnixNano", 0)) - start) % 2**64,
        "TraceId": span.get("traceId", ""),
        "SpanId": span.get("spanId", ""),
        "ParentSpanId": span.get("parentSpanId", ""),
        "SpanName": span.get("name", ""),
        "SpanKind": KINDS[span["kind"]] if isinstance(span.get("kind"), int) else span.get("kind", "_").split("_")[-1],
        "SpanAttributes": _map(span),
        "StatusCode": {2: "Error", "STATUS_CODE_ERROR": "Error"}.get(span.get("status", {}).get("code"), "Unset"),
        "StatusMessage": span.get("status", {}).get("message", ""),
        "Events.Timestamp": [_time(event.get("timeUnixNano", 0)) for event in events],
        "Events.Name": [event.get("name", "") for event in events],
        "Events.Attributes": [_map(event) for event in events],
        "Links.TraceId": [link.get("traceId", "") for link in links],
        "Links.SpanId": [link.get("spanId", "") for link in links],
        "Links.TraceState": [""] * len(links),
        "Links.Attributes": [_map(link) for link in links],
    }


def _record(record: Row) -> Row:
    return {
        "Timestamp": _time(record.get("timeUnixNano") or record.get("observedTimeUnixNano", 0)),
        "TraceId": record.get("traceId", ""),
        "SpanId": record.get("spanId", ""),
        "SeverityNumber": record.get("severityNumber", 0),
        "LogAttributes": _map(record),
        "EventName": record.get("eventName", ""),
    }


def _point(kind: str, metric: Row, point: Row) -> Row:
    times = {
        "StartTimeUnix": _time(point.get("startTimeUnixNano", 0)),
        "TimeUnix": _time(point.get("timeUnixNano", 0)),
        "Attributes": _map(point),
    }
    if "istogram" in kind:
        return times | {"Count": int(point["count"]), "Sum": point.get("sum", 0), **_temporality(metric)}
    value = {"Value": float(point.get("asInt") or point.get("asDouble") or 0)}
    counted = {"IsMonotonic": metric.get("isMonotonic", False), **_temporality(metric)} if kind == "sum" else {}
    return times | value | counted


def _temporality(metric: Row) -> Row:
    return {"AggregationTemporality": metric.get("aggregationTemporality", 0)}


def _time(nanoseconds: str | int) -> str:
    seconds, rest = divmod(int(nanoseconds), 10**9)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S}.{rest:09}"


def _map(item: Row) -> dict[str, str]:
    return {pair["key"]: _text(pair.get("value", {})) for pair in item.get("attributes", ())}


def _text(value: Row) -> str:
    said: Any
    kind, said = next(iter(value.items()), ("stringValue", ""))
    if kind == "boolValue":
        return "true" if said else "false"
    return str(float(said)) if kind == "doubleValue" else str(said)
