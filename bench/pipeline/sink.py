"""A server that takes OTLP over HTTP and gRPC, parses every request, and counts the spans and points of each service.

`python -m bench.pipeline.sink` writes its two ports, and answers `counts SERVICE` by the spans and points that came. It
is a process of its own, so that what it does is not counted with the process that exports.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as traces_grpc

if TYPE_CHECKING:
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

HOST = "127.0.0.1"
REQUESTS: dict[str, Any] = {
    "/v1/traces": traces.ExportTraceServiceRequest,
    "/v1/metrics": metrics.ExportMetricsServiceRequest,
}


class Counts:
    """What came from each service."""

    def __init__(self) -> None:
        self.spans: Counter[str] = Counter()
        self.points: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, request: Any) -> None:
        """Count what is in a request."""
        with self._lock:
            if isinstance(request, traces.ExportTraceServiceRequest):
                self._spans(request)
            else:
                self._points(request)

    def _spans(self, request: traces.ExportTraceServiceRequest) -> None:
        for each in request.resource_spans:
            self.spans[service(each.resource)] += sum(len(scope.spans) for scope in each.scope_spans)

    def _points(self, request: metrics.ExportMetricsServiceRequest) -> None:
        for each in request.resource_metrics:
            found = [metric for scope in each.scope_metrics for metric in scope.metrics]
            self.points[service(each.resource)] += sum(map(points, found))

    def of(self, name: str) -> tuple[int, int]:
        """Give the spans and points of a service."""
        with self._lock:
            return self.spans[name], self.points[name]


def service(resource: Resource) -> str:
    """Give the name of the service that a resource describes."""
    return next((pair.value.string_value for pair in resource.attributes if pair.key == "service.name"), "")


def points(metric: Any) -> int:
    """Give the number of points of a metric."""
    kind = metric.WhichOneof("data")
    return len(getattr(metric, kind).data_points) if kind else 0


class Traces(traces_grpc.TraceServiceServicer):
    """Takes spans by gRPC."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def Export(self, request: Any, context: object) -> Any:  # noqa: ARG002, N802
        self.counts.take(request)
        return traces.ExportTraceServiceResponse()


class Metrics(metrics_grpc.MetricsServiceServicer):
    """Takes points by gRPC."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def Export(self, request: Any, context: object) -> Any:  # noqa: ARG002, N802
        self.counts.take(request)
        return metrics.ExportMetricsServiceResponse()


class Handler(BaseHTTPRequestHandler):
    """Takes both by HTTP."""

    protocol_version = "HTTP/1.1"  # clients keep their connections, as with a collector
    disable_nagle_algorithm = True
    counts: Counts

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if kind := REQUESTS.get(self.path):
            self.counts.take(self._parsed(kind, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_GET = do_POST  # noqa: N815  # the names are the base class's

    def _parsed(self, kind: Any, body: bytes) -> Any:
        if "json" in self.headers.get("Content-Type", ""):
            return Parse(body, kind(), ignore_unknown_fields=True)
        return kind.FromString(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve_http(counts: Counts) -> int:
    """Take OTLP over HTTP; gives the port."""
    server = ThreadingHTTPServer((HOST, 0), type("Counting", (Handler,), {"counts": counts}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def serve_grpc(counts: Counts) -> tuple[grpc.Server, int]:
    """Take OTLP over gRPC; gives the server, which ends when it is forgotten, and its port."""
    server = grpc.server(ThreadPoolExecutor(4))
    traces_grpc.add_TraceServiceServicer_to_server(Traces(counts), server)  # type: ignore[no-untyped-call]
    metrics_grpc.add_MetricsServiceServicer_to_server(Metrics(counts), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    return server, port


def main() -> None:
    """Serve until the standard input ends."""
    counts = Counts()
    server, port = serve_grpc(counts)
    print(json.dumps({"http": serve_http(counts), "grpc": port}), flush=True)
    for line in sys.stdin:
        print(json.dumps(counts.of(line.strip())), flush=True)
    server.stop(None)


if __name__ == "__main__":
    main()
