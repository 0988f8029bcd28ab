"""Reads metrics from OTLP requests and from Prometheus."""

from __future__ import annotations

import json
import re
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from otel_eda import semconv
from otel_eda.diagnosis import UnusableError, external
from otel_eda.diagnosis.web import opener

from .aggregates import SHOWN, Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

    from otel_eda.otlp import Export

SECOND = 1e9  # nanoseconds
TIMEOUT_SECONDS = 10.0


def exported(export: Export) -> Iterator[Point]:
    """Yield the readings in a request of metrics; none in one of another signal."""
    for resource in getattr(export.request, "resource_metrics", ()):
        attributes = _attributes(resource.resource.attributes)
        instance = attributes.get(external.SERVICE_INSTANCE) or attributes.get(external.PROCESS_ID, "")
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name in SHOWN:
                    yield from _points(metric, attributes.get(external.SERVICE_NAME, ""), instance)


def _points(metric: Metric, service: str, instance: str) -> Iterator[Point]:
    kind = metric.WhichOneof("data")
    if kind not in {"sum", "gauge", "histogram"}:
        return
    data = getattr(metric, kind)
    delta = kind != "gauge" and data.aggregation_temporality == 1
    for point in data.data_points:
        value = point.count if kind == "histogram" else getattr(point, point.WhichOneof("value") or "as_int")
        total = point.sum if kind == "histogram" else 0.0
        time = point.time_unix_nano / SECOND
        yield Point(metric.name, service, instance, _attributes(point.attributes), value, time, total, delta)


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str]:
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value") or "string_value")) for pair in pairs}


# The names that the Collector's exporter makes: dots become underscores, units are added, counters end with `total`.
SECONDS = {semconv.LAG_TIME, semconv.IN_FLIGHT_AGE, semconv.POLL_AGE}
LEVELS = {semconv.LAG, semconv.IN_FLIGHT, *SECONDS}
ATTRIBUTES = (
    semconv.DESTINATION,
    semconv.TEMPLATE,
    semconv.GROUP,
    semconv.ERROR_TYPE,
    semconv.PARTITION,
    semconv.OPERATION,
    semconv.EVENT_TYPE,
    semconv.STEP,
)


def _prometheus_name(name: str) -> str:
    base = name.replace(".", "_")
    if name == semconv.PROCESS_DURATION:
        return f"{base}_seconds_count"
    return f"{base}_seconds" if name in SECONDS else base if name in LEVELS else f"{base}_total"


NAMES = {_prometheus_name(name): name for name in SHOWN}
SUM = f"{semconv.PROCESS_DURATION.replace('.', '_')}_seconds_sum"
LABELS = {name.replace(".", "_"): name for name in ATTRIBUTES}


class Prometheus:
    """A Prometheus server, asked for all metrics that are shown in one query."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.answered = False
        self.opener = opener(url)
        if urlsplit(url).scheme not in {"http", "https"}:
            raise UnusableError(f"{url}: not a URL of a Prometheus")

    def read(self) -> list[Point]:
        """Return the present readings; raises `UnusableError`."""
        wanted = "|".join(re.escape(name) for name in (*NAMES, SUM)).replace("\\", "\\\\")
        rows = self._ask(f'{{__name__=~"{wanted}"}}')
        sums = {_key(row["metric"]): float(row["value"][1]) for row in rows if row["metric"]["__name__"] == SUM}
        return [self._point(row, sums) for row in rows if row["metric"]["__name__"] in NAMES]

    def _point(self, row: Mapping[str, Any], sums: Mapping[frozenset[tuple[str, str]], float]) -> Point:
        labels: Mapping[str, str] = row["metric"]
        time, value = row["value"]
        name = NAMES[labels["__name__"]]
        # All labels are kept, because the scrape's own may tell two series apart.
        attributes = {LABELS.get(label, label): text for label, text in labels.items() if label != "__name__" and text}
        service = labels.get("service_name") or labels.get("exported_job") or labels.get("job", "")
        total = sums.get(_key(labels), 0.0) if name == semconv.PROCESS_DURATION else 0.0
        return Point(name, service, "", attributes, float(value), float(time), total)

    def _ask(self, query: str) -> list[dict[str, Any]]:
        try:
            with self.opener.open(
                f"{self.url}/api/v1/query?{urlencode({'query': query})}", timeout=TIMEOUT_SECONDS
            ) as answer:
                rows: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
            raise UnusableError(f"{self.url}: no Prometheus answers: {error}") from error
        self.answered = True
        return rows


def _key(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((label, text) for label, text in labels.items() if label != "__name__")
