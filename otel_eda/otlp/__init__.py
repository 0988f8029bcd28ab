"""Receives OTLP: a receiver reads what exporters send by HTTP or gRPC and gives it to sinks, or refuses and counts it.

A sink that cannot take more raises `Refusal`. Then the exporter is told to try again, and nothing waits in our memory.
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

from . import json_bodies, protobuf_bodies

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
REQUEST_BYTES = 16 << 20  # of a request at most; the SDKs' batches have less than one megabyte
BODIES = 4  # request bodies that are read at the same time
BODY_SECONDS = 10.0  # that a body may take to arrive: no exporter waits for longer
WAIT_SECONDS = 2.0  # that a request waits until its body can be read
RATIO, SMALL_BYTES = 200, 1 << 20  # times as large as its compressed form that a body may be, unless it is small
MEMBERS = 16  # of a gzip at most
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # zlib finds out which of the two headers there is


@dataclass(frozen=True)
class Export:
    """One request of an exporter: its signal (`traces`, `metrics`, `logs`), its uncompressed bytes, its message."""

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


RETRY_SECONDS = 1  # that an exporter is told to wait
UNAVAILABLE = 503  # not 429, which OpenTelemetry's exporters for Python take for final


class Receiver:
    """Takes requests, whatever protocol carries them, and gives each to all sinks, one request at a time.

    One in protobuf and one in JSON are read at a time: JSON takes long, and many at once would take much memory.
    """

    body_seconds, wait_seconds = BODY_SECONDS, WAIT_SECONDS

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = sinks
        self.refused: Counter[str] = Counter()
        self.sink_error: Exception | None = None  # the first one
        self.lock = threading.Lock()
        self.parsing = {as_json: threading.Lock() for as_json in (False, True)}
        self.bodies = threading.BoundedSemaphore(BODIES)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the right to have a body in memory during the block; raises `Refusal` if none is free for too long."""
        if not self.bodies.acquire(timeout=self.wait_seconds):
            raise self.refuse(UNAVAILABLE, "too many at once")
        try:
            yield
        finally:
            self.bodies.release()

    def take(self, signal: str, body: bytes, encoding: str = "identity", *, as_json: bool = False) -> None:
        """Give a request to the sinks; raises `Refusal`."""
        try:
            unpacked = unpack(body, encoding)
            with self.parsing[as_json]:
                export = read(signal, unpacked, as_json=as_json)
            with self.lock:
                for sink in self.sinks:
                    self._give(sink, export)
        except Refusal as refusal:
            raise self.refuse(refusal.status, refusal.why) from refusal.__cause__

    def _give(self, sink: Sink, export: Export) -> None:
        try:
            sink(export)
        except Refusal:
            raise
        except Exception as error:
            self.sink_error = self.sink_error or error
            raise Refusal(500, "an error here") from error

    def refuse(self, status: int, why: str) -> Refusal:
        """Count a request that is refused, and return the refusal."""
        with self.lock:
            self.refused[why] += 1
        return Refusal(status, why)


def authority(host: str, port: int) -> str:
    """Return a server's address as a URL has it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unpack(body: bytes, encoding: str) -> bytes:
    """Return the uncompressed body; raises `Refusal` for an unknown compression, and for a body that is too large."""
    if len(body) > REQUEST_BYTES:
        raise Refusal(413, "too large")
    if encoding == "identity":
        return body
    if encoding not in {"gzip", "deflate"}:
        raise Refusal(415, "unknown compression")
    unpacked, rest = bytearray(), body
    for _ in range(MEMBERS):
        packed = zlib.decompressobj(GZIP_OR_ZLIB)
        try:
            unpacked += packed.decompress(rest, REQUEST_BYTES + 1 - len(unpacked))
        except zlib.error as error:
            raise Refusal(400, "damaged") from error
        if len(unpacked) > REQUEST_BYTES or len(unpacked) > max(RATIO * len(body), SMALL_BYTES):
            raise Refusal(413, "too large")
        rest = packed.unused_data
        if packed.eof and not rest:
            return bytes(unpacked)
    raise Refusal(400, "damaged")


def read(signal: str, body: bytes, *, as_json: bool = False) -> Export:
    """Return the request in a body; raises `Refusal` if the body is not OTLP."""
    if signal not in REQUESTS:
        raise Refusal(404, "unknown path")
    if json_bodies.crowded(body) if as_json else protobuf_bodies.crowded(body, REQUESTS[signal].DESCRIPTOR):
        raise Refusal(413, "too many values")
    try:
        if as_json:
            request = json_bodies.read(body, REQUESTS[signal])
            return Export(signal, request.SerializeToString(), request)
        return Export(signal, body, REQUESTS[signal].FromString(body))
    except (DecodeError, ValueError) as error:
        raise Refusal(400, "damaged") from error
