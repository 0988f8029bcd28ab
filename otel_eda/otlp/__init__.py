"""Receives OTLP: what exporters send, by HTTP or gRPC, is read here, handed to sinks, or refused and counted.

A sink that cannot take more raises `Refusal`: the exporter is told to come again, and nothing waits in our memory.
"""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Request: TypeAlias = "ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest"
REQUESTS: Mapping[str, type[Request]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
SERVICES: Mapping[str, str] = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}
LARGEST = 16 << 20  # bytes of a request; the SDKs' batches are of less than one megabyte
BODIES = 4  # are read at a time
PATIENCE = 10.0  # seconds that a body may take to come: no exporter waits for longer
TURN = 2.0  # seconds that a request waits until its body is read
EITHER_HEADER = 32 + zlib.MAX_WBITS  # gzip's or zlib's, zlib finds out which


@dataclass(frozen=True)
class Export:
    """One request of an exporter: its signal (`traces`, `metrics`, `logs`), its uncompressed bytes, what they say."""

    signal: str
    body: bytes
    request: Request


Sink: TypeAlias = Callable[[Export], None]


class Refusal(Exception):  # noqa: N818  # an answer, not an error of ours
    """A request that is not taken: an HTTP status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


FULL = 503  # not 429, which OpenTelemetry's exporters for Python take for final


class Door:
    """Where requests come in, whatever carries them: each goes to every sink, one at a time."""

    patience, wait = PATIENCE, TURN

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = sinks
        self.refused: Counter[str] = Counter()
        self.fault: Exception | None = None  # the first of a sink's
        self.turn = threading.Lock()
        self.bodies = threading.BoundedSemaphore(BODIES)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Have a body in memory for the length of the block; raises `Refusal` if there are too many for too long."""
        if not self.bodies.acquire(timeout=self.wait):
            raise self.refuse(FULL, "too many at once")
        try:
            yield
        finally:
            self.bodies.release()

    def take(self, signal: str, body: bytes, encoding: str = "identity") -> None:
        """Give a request to the sinks; raises `Refusal`."""
        with self.turn:
            try:
                export = read(signal, unpack(body, encoding))
                for sink in self.sinks:
                    self._give(sink, export)
            except Refusal as refusal:
                self.refused[refusal.why] += 1
                raise

    def _give(self, sink: Sink, export: Export) -> None:
        try:
            sink(export)
        except Refusal:
            raise
        except Exception as error:
            self.fault = self.fault or error
            raise Refusal(500, "an error here") from error

    def refuse(self, status: int, why: str) -> Refusal:
        """Count what is not even looked at."""
        with self.turn:
            self.refused[why] += 1
        return Refusal(status, why)


def authority(host: str, port: int) -> str:
    """Write where a server is as a URL does."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unpack(body: bytes, encoding: str) -> bytes:
    """Undo a request's compression; refuse one we do not know, and what is, or is made to grow, beyond measure."""
    if len(body) > LARGEST:
        raise Refusal(413, "too large")
    if encoding == "identity":
        return body
    if encoding not in {"gzip", "deflate"}:
        raise Refusal(415, "unknown compression")
    packed = zlib.decompressobj(EITHER_HEADER)
    try:
        unpacked = packed.decompress(body, LARGEST)
    except zlib.error as error:
        raise Refusal(400, "damaged") from error
    if packed.unconsumed_tail:
        raise Refusal(413, "too large")
    if not packed.eof:
        raise Refusal(400, "damaged")
    return unpacked


def read(signal: str, body: bytes) -> Export:
    """Read a request; refuse what is not OTLP in protobuf."""
    if signal not in REQUESTS:
        raise Refusal(404, "unknown path")
    try:
        return Export(signal, body, REQUESTS[signal].FromString(body))
    except DecodeError as error:
        raise Refusal(400, "damaged") from error
