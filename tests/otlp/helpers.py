"""Receivers that are open, and ways to send to them."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from otel_eda.otlp import BODIES, SERVICES, Receiver
from otel_eda.otlp import grpc as over_grpc
from otel_eda.otlp import http as over_http
from otel_eda.otlp.http import PROTOBUF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

    from otel_eda.otlp.queue import ExportQueue


def request(size: int = 0) -> ExportTraceServiceRequest:
    made = ExportTraceServiceRequest()
    made.resource_spans.add().scope_spans.add().spans.add(name="x" * size, trace_id=b"\1" * 16, span_id=b"\2" * 8)
    return made


def address(endpoint: str) -> tuple[str, int]:
    parts = urlsplit(endpoint)
    return str(parts.hostname), int(parts.port or 0)


class Post:
    """Posts to a receiver, each time by a connection of its own."""

    def __init__(self, endpoint: str) -> None:
        self.place = urlsplit(endpoint).netloc

    def __call__(self, body: bytes, path: str = "/v1/traces", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.place, timeout=20)
        said = {"Content-Type": PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request("POST", path, body, said)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer


@contextmanager
def serving(queue: ExportQueue) -> Iterator[tuple[Receiver, str, str]]:
    with ExitStack() as stack:
        receiver = Receiver([queue])
        yield (
            receiver,
            stack.enter_context(over_http.serving(receiver)),
            stack.enter_context(over_grpc.serving(receiver)),
        )


Call: TypeAlias = "grpc.StreamUnaryMultiCallable[bytes, bytes]"


@contextmanager
def calling(endpoint: str) -> Iterator[Call]:
    with grpc.insecure_channel(urlsplit(endpoint).netloc) as channel:
        yield channel.stream_unary(f"/{SERVICES['traces']}/Export")


def refusal(call: Call, *bodies: bytes) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call(iter(bodies), timeout=20)
    assert isinstance(caught.value, grpc.Call)
    return caught.value.code()


def exporter(protocol: str, http_endpoint: str, grpc_endpoint: str) -> SpanExporter:
    if protocol == "grpc":
        return GrpcExporter(grpc_endpoint, insecure=True)
    return HttpExporter(f"{http_endpoint}/v1/traces")


def ended() -> ReadableSpan:
    span = TracerProvider().get_tracer("test").start_span("send orders")
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


@contextmanager
def stalled(http_endpoint: str, grpc_endpoint: str) -> Iterator[None]:
    """Begin as many uploads as are read at a time, and do not go on."""
    uploads = []  # whose call nobody holds is cancelled
    with ExitStack() as stack:
        for _ in range(BODIES // 2):
            connection = stack.enter_context(socket.create_connection(address(http_endpoint), 20))
            connection.sendall(
                f"POST /v1/traces HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 9\r\n\r\nx".encode()
            )
            call, goes_on = stack.enter_context(calling(grpc_endpoint)), threading.Event()
            stack.callback(goes_on.set)
            uploads.append(call.future(body for body in [b""] if goes_on.wait()))
        yield
