"""Requests written as JSON are what the specification of OTLP says."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from otel_eda.otlp.json_lines import line


def test_lines_equal_protobufs_own_json_but_for_ids_and_enums() -> None:
    made = ExportMetricsServiceRequest()
    metric = made.resource_metrics.add().scope_metrics.add().metrics.add(name="lag")
    metric.histogram.aggregation_temporality = 2  # type: ignore[assignment]
    point = metric.histogram.data_points.add(count=3, sum=float("nan"), bucket_counts=[1, 2], explicit_bounds=[0.5])
    point.attributes.add(key="list").value.array_value.values.add().int_value = 2**62
    point.attributes.add(key="empty").value.string_value = ""
    point.attributes.add(key="bytes").value.bytes_value = b"\0\xff"
    point.attributes.add(key="no").value.bool_value = False
    point.attributes.add(key="yes").value.bool_value = True
    point.attributes.add(key="half").value.double_value = 1.5e-300
    point.attributes.add(key='"a\\ü\n\0\u2028').value.string_value = '"ü\U0001f600\t'
    point.attributes.add(key="none")
    exemplar = point.exemplars.add(as_double=float("inf"), trace_id=b"\1" * 16)
    theirs = MessageToDict(made, use_integers_for_enums=True)
    ours = json.loads(line(made))
    assert _exemplar(ours).pop("traceId") == exemplar.trace_id.hex()
    assert _exemplar(theirs).pop("traceId")
    assert ours == theirs


def _exemplar(request: dict[str, Any]) -> dict[str, Any]:
    metric = request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]
    exemplar: dict[str, Any] = metric["histogram"]["dataPoints"][0]["exemplars"][0]
    return exemplar
