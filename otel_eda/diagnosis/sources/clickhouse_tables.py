"""What is read of the tables that the Collector's ClickHouse exporter makes: only rows and attributes that matter.

Each query is of one table at a time, without a join: so it is cheap, and any version and any shard answers it.
https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/clickhouseexporter/internal/sqltemplates
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_eda import semconv
from otel_eda.diagnosis.columns import EVENT_COLUMNS, METRIC_COLUMNS, RESOURCE, SPAN_COLUMNS, Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TRACES, LOGS = "otel_traces", "otel_logs"
# What kind of metric each table has.
METRICS = {
    "otel_metrics_sum": "sum",
    "otel_metrics_gauge": "gauge",
    "otel_metrics_histogram": "histogram",
    "otel_metrics_exponential_histogram": "histogram",
}
EXCEPTION = (semconv.EXCEPTION_TYPE, semconv.EXCEPTION_MESSAGE)
NAMES = ("messaging.%", "eda.%", "otel.sdk.%")  # the metrics that are read
LEAST_ERROR = 17  # the severity of an error


class TimeRange(NamedTuple):
    """A time from `since` up to `until`, in nanoseconds since 1970."""

    since: int
    until: int

    def holds(self, column: str) -> str:
        """Return the SQL that a time is in the window."""
        since, until = (f"fromUnixTimestamp64Nano(toInt64({time}))" for time in self)
        return f"{column} >= {since} AND {column} < {until}"


def number_of_spans(window: TimeRange) -> str:
    """Return the query that counts the spans of a window."""
    return f"SELECT count() FROM {TRACES} WHERE {window.holds('Timestamp')}"


def spans(where: str, database: str = "") -> str:
    """Return the query that selects spans, with those of their events that say something of messages or failures."""
    said = _only(_attributes(EVENT_COLUMNS) | set(EXCEPTION), "Events.Attributes[i]")
    link = _only(_attributes(SPAN_COLUMNS), "Links.Attributes[i]")
    return f"""
SELECT {_RESOURCE}, ScopeName AS scope, TraceId AS traceId, SpanId AS spanId, ParentSpanId AS parentSpanId,
       toString(SpanName) AS name, 'SPAN_KIND_' || upper(SpanKind) AS kind,
       toUnixTimestamp64Nano(Timestamp) AS startTimeUnixNano,
       toUnixTimestamp64Nano(Timestamp) + reinterpretAsInt64(Duration) AS endTimeUnixNano,
       {_only(_attributes(SPAN_COLUMNS), "SpanAttributes")} AS attributes,
       if(StatusCode = 'Error', 'STATUS_CODE_ERROR', '') AS code, StatusMessage AS message,
       CAST(arrayMap(i -> (Links.TraceId[i], Links.SpanId[i], {link}), arrayEnumerate(Links.TraceId)),
            'Array(Tuple(traceId String, spanId String, attributes Map(String, String)))') AS links,
       CAST(arrayMap(i -> (Events.Name[i], toUnixTimestamp64Nano(Events.Timestamp[i]), {said}),
                     arrayFilter(i -> Events.Name[i] = 'exception' OR startsWith(Events.Name[i], 'eda.'),
                                 arrayEnumerate(Events.Name))),
            'Array(Tuple(name String, timeUnixNano Int64, attributes Map(String, String)))') AS events
FROM {_named(TRACES, database)} WHERE {where}"""


def metrics(window: TimeRange, types: Mapping[tuple[str, str], str]) -> str:
    """Return the query that selects the points of metrics; `types` are the types of the columns of each table."""
    there = [table for table in METRICS if (table, "TimeUnix") in types]
    return " UNION ALL ".join(points(table, window.holds("TimeUnix"), coarse=coarse(table, types)) for table in there)


def coarse(table: str, types: Mapping[tuple[str, str], str]) -> bool:
    """Return whether a table keeps the times of metrics in whole seconds."""
    return "64" not in types[table, "TimeUnix"]


def records(where: str, database: str = "") -> str:
    """Return the query that selects events and errors among log records."""
    return f"""
SELECT {_RESOURCE}, ScopeName AS scope, toUnixTimestamp64Nano(Timestamp) AS timeUnixNano, TraceId AS traceId,
       SpanId AS spanId, toString(SeverityNumber) AS severityNumber, toString(EventName) AS eventName,
       {_only(_attributes(EVENT_COLUMNS) | set(EXCEPTION), "LogAttributes")} AS attributes
FROM {_named(LOGS, database)} WHERE {where} AND (EventName != '' OR SeverityNumber >= {LEAST_ERROR})"""


def points(table: str, where: str, database: str = "", *, coarse: bool = False) -> str:
    """Return the query that selects the points of a table of metrics."""
    kind = METRICS[table]
    counted = kind == "histogram"
    named = " OR ".join(f"MetricName LIKE '{name}'" for name in NAMES)
    temporality = "NULL" if kind == "gauge" else "toString(AggregationTemporality)"
    rising = {"sum": "IsMonotonic", "gauge": "false", "histogram": "true"}[kind]
    return f"""
SELECT {_RESOURCE}, ScopeName AS scope, '{kind}' AS kind, toString(MetricName) AS name,
       {_only(_attributes(METRIC_COLUMNS), "Attributes")} AS attributes,
       toUnixTimestamp64Nano(toDateTime64(StartTimeUnix, 9)) AS startTimeUnixNano,
       toUnixTimestamp64Nano(toDateTime64(TimeUnix, 9)) AS timeUnixNano,
       toFloat64({"Sum" if counted else "Value"}) AS value,
       CAST({"Count" if counted else "NULL"} AS Nullable(Int64)) AS number,
       CAST({temporality} AS Nullable(String)) AS temporality, CAST({rising} AS Bool) AS rising,
       CAST({int(coarse)} AS Bool) AS coarse
FROM {_named(table, database)} WHERE {where} AND ({named})"""


def _named(table: str, database: str) -> str:
    return f"{quoted(database)}.{table}" if database else table


def quoted(name: str) -> str:
    """Return the name of a database or a table as a statement has it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(word: str) -> str:
    """Return a word as a statement has it."""
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _only(names: Iterable[str], attributes: str) -> str:
    wanted = ", ".join(f"'{name}'" for name in sorted(names))
    return f"CAST(mapFilter((k, v) -> k IN ({wanted}), {attributes}), 'Map(String, String)')"


def _attributes(columns: Iterable[Column]) -> set[str]:
    return set(_each(columns))


def _each(columns: Iterable[Column]) -> Iterator[str]:
    for column in columns:
        yield from column.attributes


_RESOURCE = f"{_only(_attributes(RESOURCE), 'ResourceAttributes')} AS resource"
