"""What real exporters send arrives, over HTTP and gRPC, and on any address."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from support.waiting import until

from otel_eda.otlp import Receiver
from otel_eda.otlp import grpc as over_grpc
from otel_eda.otlp import http as over_http
from otel_eda.otlp.queue import ExportQueue

from .helpers import Post, address, ended, exporter, request, serving


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_what_real_exporters_send_is_queued_and_drained_once(protocol: str) -> None:
    queue = ExportQueue()
    with serving(queue) as (receiver, *endpoints):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter(protocol, *endpoints)))
        provider.get_tracer("test").start_span("send orders").end()
        provider.shutdown()
        ((signal, body),) = queue.drain()
    read = ExportTraceServiceRequest.FromString(body)
    assert (signal, read.resource_spans[0].scope_spans[0].spans[0].name) == ("traces", "send orders")
    assert (queue.drain(), queue.held, dict(receiver.refused)) == ([], 0, {})


def test_a_real_exporter_tries_again_by_itself() -> None:
    queue = ExportQueue(len(request(1000).SerializeToString()))
    with serving(queue) as (receiver, endpoint, _):
        assert Post(endpoint)(request(1000).SerializeToString()).status == 200
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(HttpExporter(f"{endpoint}/v1/traces")))
        sending = threading.Thread(target=provider.get_tracer("test").start_span("x").end)
        sending.start()
        until(lambda: receiver.refused["no room"], "a refusal")
        assert len(queue.drain()) == 1
        sending.join()
    assert len(queue.drain()) == 1


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_many_requests_at_once_wait_until_their_bodies_can_be_read(protocol: str) -> None:
    queue = ExportQueue()
    with serving(queue) as (receiver, *endpoints), ThreadPoolExecutor(30) as pool:
        results = [pool.submit(exporter(protocol, *endpoints).export, [ended()]) for _ in range(30)]
        assert {result.result().name for result in results} == {"SUCCESS"}
        assert receiver.refused == {}
    assert len(queue.drain()) == 30


@pytest.mark.parametrize("serving", [over_http.serving, over_grpc.serving], ids=["http", "grpc"])
def test_a_port_that_is_taken_is_an_error(serving: Any) -> None:
    with (
        serving(Receiver([])) as endpoint,
        pytest.raises(OSError, match=r"."),
        serving(Receiver([]), *address(endpoint)),
    ):
        pytest.fail("two servers on one port")


@pytest.mark.parametrize("serving", [over_http.serving, over_grpc.serving], ids=["http", "grpc"])
def test_an_address_may_be_one_of_ipv6(serving: Any) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    queue = ExportQueue()
    with serving(Receiver([queue]), "::1") as endpoint:
        assert endpoint.startswith("http://[::1]:")
        protocol = "grpc" if serving is over_grpc.serving else "http"
        assert exporter(protocol, endpoint, endpoint).export([ended()]).name == "SUCCESS"
        with pytest.raises(OSError, match=r"."), serving(Receiver([]), *address(endpoint)):
            pytest.fail("two servers on one port")
    assert len(queue.drain()) == 1
