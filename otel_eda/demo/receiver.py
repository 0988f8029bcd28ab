"""A small OTLP/HTTP receiver: what the services export arrives here."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .telemetry import Span, spans

Request: TypeAlias = "ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest"
REQUESTS: Mapping[str, type[Request]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
PROTOBUF = "application/x-protobuf"
EITHER_HEADER = 32 + zlib.MAX_WBITS  # gzip's or zlib's, zlib finds out which


@dataclass(frozen=True)
class Export:
    """One request of an exporter: its signal (`traces`, `metrics`, `logs`), its uncompressed bytes, what they say."""

    signal: str
    body: bytes
    request: Request


Sink: TypeAlias = Callable[[Export], None]


class Refusal(Exception):  # noqa: N818  # an answer, not an error of ours
    """A request that is not OTLP as we take it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Server(ThreadingHTTPServer):
    """Takes requests on a free loopback port and gives each to every sink, one at a time."""

    daemon_threads = True

    def __init__(self, sinks: Sequence[Sink]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sinks = sinks
        self.turn = threading.Lock()

    @property
    def endpoint(self) -> str:
        """The base URL for an exporter."""
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, export: Export) -> None:
        """Give a request to every sink."""
        with self.turn:
            for sink in self.sinks:
                sink(export)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one export."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.server.take(read(self.path, self.headers.get("Content-Type", ""), unpack(body, self._encoding())))
        except Refusal as refusal:
            self._answer(refusal.status)
        else:
            self._answer(200)

    def _encoding(self) -> str:
        return self.headers.get("Content-Encoding", "identity")

    def _answer(self, status: int) -> None:
        # An empty body is the protobuf encoding of a response without anything to complain about.
        self.send_response(status)
        self.send_header("Content-Type", PROTOBUF)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep off the terminal."""


def unpack(body: bytes, encoding: str) -> bytes:
    """Undo a request's compression; refuse one we do not know."""
    if encoding == "identity":
        return body
    if encoding not in {"gzip", "deflate"}:
        raise Refusal(415)
    try:
        return zlib.decompress(body, EITHER_HEADER)
    except zlib.error as error:
        raise Refusal(400) from error


def read(path: str, content: str, body: bytes) -> Export:
    """Read a request's body by its path `/v1/{signal}`; refuse what is not OTLP in protobuf."""
    signal = path.removeprefix("/v1/")
    if signal not in REQUESTS:
        raise Refusal(404)
    if content != PROTOBUF:
        raise Refusal(415)
    try:
        return Export(signal, body, REQUESTS[signal].FromString(body))
    except DecodeError as error:
        raise Refusal(400) from error


@contextmanager
def receiver(*sinks: Sink) -> Iterator[str]:
    """Run a receiver and yield the endpoint for exporters."""
    with Server(sinks) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.endpoint
        finally:
            server.shutdown()
            thread.join()


class Spans:
    """A sink that remembers every span."""

    def __init__(self) -> None:
        self.all: list[Span] = []

    def __call__(self, export: Export) -> None:
        """Remember the spans of a request."""
        if isinstance(export.request, ExportTraceServiceRequest):
            self.all.extend(spans(export.request))
