from __future__ import annotations

import base64
import http.client
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from brokers import spans
from google.protobuf.json_format import ParseDict
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context

from otel_eda.demo.file_exporter import FileExporter
from otel_eda.demo.receiver import SpanCounter, receiver
from otel_eda.otlp import REQUESTS
from otel_eda.otlp.http import PROTOBUF

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.trace import Tracer
    from support.programs import Received

    from otel_eda.otlp import Export

ELSEWHERE = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))


def failing_send(tracer: Tracer) -> tuple[str, str, str]:
    """One span with everything that OTLP can carry; its trace id, its id and its parent's."""
    parent = tracer.start_span("parent", start_time=100)
    span = tracer.start_span(
        "send orders",
        set_span_in_context(parent),
        kind=SpanKind.PRODUCER,
        attributes={"messaging.destination.name": "orders", "messaging.kafka.offset": 7, "share": 0.5, "list": [1, 2]},
        links=[Link(ELSEWHERE, {"why": "because"})],
        start_time=1_000,
    )
    span.add_event("exception", {"exception.type": "ValueError", "exception.escaped": False}, timestamp=1_500)
    span.set_status(Status(StatusCode.ERROR, "no broker"))
    span.end(3_000)
    parent.end(4_000)
    mine, above = span.get_span_context(), parent.get_span_context()
    return f"{mine.trace_id:032x}", f"{mine.span_id:016x}", f"{above.span_id:016x}"


def test_a_real_exporter_s_span_arrives_whole_whatever_the_compression(
    tracer: Callable[[str, Compression], Tracer], compression: Compression, received: Received
) -> None:
    trace_id, span_id, parent_id = failing_send(tracer("shop", compression))
    sent, root = received.all
    assert root.parent_id == ""
    assert sent == spans.Span(
        service="shop",
        scope="test.scope",
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        name="send orders",
        kind="PRODUCER",
        start=1_000,
        end=3_000,
        error=True,
        message="no broker",
        attributes={
            "messaging.destination.name": "orders",
            "messaging.kafka.offset": 7,
            "share": 0.5,
            "list": [1, 2],
        },
        events=(spans.Event("exception", 1_500, {"exception.type": "ValueError", "exception.escaped": False}),),
        links=(spans.Link(f"{0xABC:032x}", f"{0xDEF:016x}", {"why": "because"}),),
        warnings=(),
        resource={"service.name": "shop"},
    )


def test_a_message_counts_once_however_often_it_is_processed() -> None:
    counter = SpanCounter()
    with receiver(counter) as url:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
        for operation, offset in [("send", 0), ("process", 0), ("process", 0), ("process", 1), ("settle", 1)]:
            span = provider.get_tracer("test").start_span("a span")
            span.set_attributes({"messaging.operation.type": operation, "messaging.kafka.offset": offset})
            span.end()
        provider.get_tracer("test").start_span("no message's").end()
        provider.shutdown()
    assert (counter.spans, counter.processed) == (6, 2)


def test_metrics_arrive_too() -> None:
    exports: list[Export] = []
    with receiver(exports.append) as url:
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{url}/v1/metrics"), export_interval_millis=60_000)
        provider = MeterProvider([reader])
        provider.get_meter("test").create_counter("orders").add(3)
        provider.shutdown()
    (export,) = exports
    assert isinstance(export.request, ExportMetricsServiceRequest)
    (metric,) = export.request.resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.sum.data_points[0].as_int) == ("orders", 3)


def status(url: str, path: str, body: bytes, **headers: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse().status
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("path", "body", "headers", "answer"),
    [
        ("/v1/traces", b"", {"Content_Type": PROTOBUF}, 200),
        ("/v1/traces", zlib.compress(b""), {"Content_Type": PROTOBUF, "Content_Encoding": "deflate"}, 200),
        ("/v1/dreams", b"", {"Content_Type": PROTOBUF}, 404),
        ("/", b"", {"Content_Type": PROTOBUF}, 404),
        ("/v1/traces", b"{}", {"Content_Type": "application/json"}, 200),
        ("/v1/traces", b"{", {"Content_Type": "application/json"}, 400),
        ("/v1/traces", b"{}", {"Content_Type": "text/plain"}, 415),
        ("/v1/traces", b"x", {"Content_Type": PROTOBUF, "Content_Encoding": "zstd"}, 415),
        ("/v1/traces", b"not gzip", {"Content_Type": PROTOBUF, "Content_Encoding": "gzip"}, 400),
        ("/v1/traces", b"not protobuf", {"Content_Type": PROTOBUF}, 400),
    ],
)
def test_what_is_not_otlp_is_refused_and_the_next_request_is_taken(
    endpoint: str, path: str, body: bytes, headers: dict[str, str], answer: int
) -> None:
    assert status(endpoint, path, body, **headers) == answer
    assert status(endpoint, "/v1/traces", b"", Content_Type=PROTOBUF) == 200


def test_what_was_refused_is_said_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with receiver() as url:
        assert [status(url, "/", b"", Content_Type=PROTOBUF) for _ in range(2)] == [404, 404]
    assert capsys.readouterr().err == "2 requests refused: unknown path\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_telemetry_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "traces.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"), receiver(FileExporter(tmp_path)) as url:
        assert [status(url, f"/v1/{signal}", b"", Content_Type=PROTOBUF) for signal in REQUESTS] == [500, 200, 200]


def base64_ids(value: Any) -> Any:
    """Turn OTLP's JSON into protobuf's, whose parser stands beside ours as the judge."""
    if isinstance(value, list):
        return [base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode() if key.endswith("Id") else base64_ids(item)
        for key, item in value.items()
    }


def test_kept_lines_are_otlp_json_and_lose_nothing(
    tmp_path: Path, tracer: Callable[[str], Tracer], exports: list[Export], received: Received
) -> None:
    files = FileExporter(tmp_path / "new" / "folder")
    failing_send(tracer("shop"))
    for export in exports:
        files(export)
    lines = files.file("traces").read_text().splitlines()
    assert [ParseDict(base64_ids(json.loads(line)), ExportTraceServiceRequest()) for line in lines] == [
        export.request for export in exports
    ]
    span = json.loads(lines[0])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert (span["spanId"], span["kind"], span["startTimeUnixNano"]) == (received.all[0].span_id, 4, "1000")
    assert files.file("metrics").read_text() == ""


def test_keeping_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "traces.jsonl").write_text("of another day\n")
    assert FileExporter(tmp_path).file("traces").read_text() == ""
