from __future__ import annotations

import http.server
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support.threads import beside
from support.waiting import TIMEOUT

from otel_eda.demo.forward import Forward, UnsentError, forward
from otel_eda.demo.receiver import receiver
from otel_eda.demo.target import Target, find
from otel_eda.otlp import REQUESTS, SERVICES, Export

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.programs import Received

REQUEST = ExportTraceServiceRequest()
REQUEST.resource_spans.add().scope_spans.add().spans.add(name="send orders", trace_id=b"t" * 16, span_id=b"s" * 8)
EXPORT = Export("traces", REQUEST.SerializeToString(), REQUEST)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_what_was_received_goes_on_over_http(endpoint: str, received: Received) -> None:
    with forward(Target(f"{endpoint}/")) as forwarding:
        forwarding(EXPORT)
    assert [span.name for span in received.all] == ["send orders"]
    assert forwarding.failures == {}


class Collector(grpc.GenericRpcHandler):
    """Any OTLP collector: takes every signal's export as bytes."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, str | bytes | None]] = []

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        def take(body: bytes, context: grpc.ServicerContext) -> bytes:
            headers = {item[0]: item[1] for item in context.invocation_metadata()}
            self.calls.append((details.method, body, headers.get("x-tenant")))
            return b""

        return grpc.unary_unary_rpc_method_handler(take)


def test_what_was_received_goes_on_over_grpc() -> None:
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(1), handlers=[collector])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with forward(Target(f"http://127.0.0.1:{port}", "grpc", {"x-tenant": "shop"})) as forwarding:
            forwarding(EXPORT)
    finally:
        server.stop(None).wait(TIMEOUT)
    assert collector.calls == [(f"/{SERVICES['traces']}/Export", EXPORT.body, "shop")]
    assert forwarding.failures == {}


def test_every_signal_has_its_grpc_method_as_the_generated_stubs_name_it() -> None:
    assert SERVICES.keys() == REQUESTS.keys()
    for signal, named in SERVICES.items():
        (service,) = REQUESTS[signal].DESCRIPTOR.file.services_by_name.values()
        assert named == service.full_name


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_endpoint_that_is_not_there_is_told(protocol: str) -> None:
    with forward(Target(f"http://127.0.0.1:{closed_port()}", protocol)) as forwarding:
        forwarding(EXPORT)
    assert "refused" in forwarding.failures["traces"]


def test_a_signal_is_given_up_at_its_first_failure_and_the_others_go_on() -> None:
    asked: list[str] = []

    def send(export: Export) -> None:
        asked.append(export.signal)
        if export.signal == "metrics":
            raise UnsentError("no metrics here")

    forwarding = Forward(send)
    for signal in ("metrics", "traces", "metrics", "traces"):
        forwarding(Export(signal, b"", REQUEST))
    forwarding.close()
    assert asked == ["metrics", "traces", "traces"]
    assert forwarding.failures == {"metrics": "no metrics here"}


def test_an_endpoint_that_hangs_does_not_hang_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_eda.demo.forward.DRAIN", 0.1)
    answer = threading.Event()
    forwarding = Forward(lambda _: print(answer.wait(10)))
    forwarding(EXPORT)
    forwarding.close()
    assert "not everything was taken" in forwarding.failures["traces"]
    answer.set()
    forwarding.thread.join()


def test_a_refusal_is_told_by_its_status() -> None:
    with receiver() as url, forward(Target(f"{url}/elsewhere")) as forwarding:
        forwarding(EXPORT)
    assert "404" in forwarding.failures["traces"]


def test_the_loopback_is_reached_past_a_proxy(
    endpoint: str, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    with forward(Target(endpoint)) as forwarding:
        forwarding(EXPORT)
    assert (len(received.all), forwarding.failures) == (1, {})


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body if self.path == "/api/services" else b"")

        def log_message(self, *_: object) -> None:
            pass

    with (
        http.server.HTTPServer(("127.0.0.1", 0), Page) as server,
        beside(partial(server.serve_forever, 0.01), server.shutdown),
    ):
        yield server.server_port


def test_a_jaeger_on_its_ports_is_found_and_linked_to() -> None:
    with answering(b'{"data":["shop"],"total":1}') as ui, answering(b"") as otlp:
        target = find(None, {}, ui, otlp)
    assert target == Target(f"http://localhost:{otlp}", ui=f"http://localhost:{ui}")
    assert target.link("abc") == f"http://localhost:{ui}/trace/abc"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"\xff"])
def test_another_server_is_not_taken_for_jaeger(body: bytes) -> None:
    with answering(body) as ui, answering(b"") as otlp:
        assert find(None, {}, ui, otlp) is None


def test_without_otlp_a_jaeger_is_of_no_use() -> None:
    with answering(b'{"data":[]}') as ui:
        assert find(None, {}, ui, closed_port()) is None


@pytest.mark.parametrize(
    ("option", "environ", "target"),
    [
        (None, {}, None),
        ("http://a:1", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://b:2"}, Target("http://a:1")),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"}, Target("http://localhost:4317", "grpc")),
        ("localhost:4317", {}, Target("http://localhost:4317", "grpc")),
        (
            "https://localhost",
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b",
                "OTEL_EXPORTER_OTLP_CERTIFICATE": "ca.pem",
            },
            Target("https://localhost", "grpc", {"x-key": "a b"}, "ca.pem"),
        ),
    ],
)
def test_the_endpoint_asked_for(option: str | None, environ: dict[str, str], target: Target | None) -> None:
    assert find(option, environ, closed_port(), closed_port()) == target
