from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from support.waiting import until

from otel_eda.otlp import BODIES, REQUEST_BYTES, SERVICES, UNAVAILABLE, Receiver
from otel_eda.otlp import grpc as over_grpc
from otel_eda.otlp import http as over_http
from otel_eda.otlp.http import CONNECTIONS, PROTOBUF
from otel_eda.otlp.json_lines import line
from otel_eda.otlp.queue import ExportQueue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

    from otel_eda.otlp import Export


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


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_what_real_exporters_send_is_held_and_given_out_once(protocol: str) -> None:
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


def test_who_comes_when_there_is_no_room_is_told_to_come_again_and_counted() -> None:
    body = request(1000).SerializeToString()
    queue = ExportQueue(3 * len(body))
    with serving(queue) as (receiver, endpoint, calls):
        post = Post(endpoint)
        assert [post(body).status for _ in range(3)] == [200, 200, 200]
        refused = post(body)
        assert (refused.status, refused.getheader("Retry-After")) == (UNAVAILABLE, "1")
        with calling(calls) as call:
            assert refusal(call, body) == grpc.StatusCode.UNAVAILABLE
            assert receiver.refused == {"no room": 2}
            assert len(queue.drain()) == 3
            assert call(iter([body]), timeout=20) == b""
        assert post(body).status == 200
    assert len(queue.drain()) == 2


def test_a_real_exporter_comes_again_by_itself() -> None:
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


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"),
    [
        (b"x", {"Content_Length": "nine"}, 411, "without a length"),
        (b"", {"Content_Length": str(REQUEST_BYTES + 1)}, 413, "too large"),
        (gzip.compress(bytes(REQUEST_BYTES + 1), mtime=0), {"Content_Encoding": "gzip"}, 413, "too large"),
        (gzip.compress(b"cut off" * 100, mtime=0)[:20], {"Content_Encoding": "gzip"}, 400, "damaged"),
        (b"\x0a\xff", {}, 400, "damaged"),
        (b"{}", {"Content_Type": "application/json"}, 415, "not protobuf"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_counted(
    body: bytes, headers: dict[str, str], status: int, why: str
) -> None:
    queue = ExportQueue()
    with serving(queue) as (receiver, endpoint, _):
        assert Post(endpoint)(body, **headers).status == status
        assert receiver.refused == {why: 1}
        assert Post(endpoint)(request().SerializeToString()).status == 200
    assert len(queue.drain()) == 1


def test_by_grpc_too_what_cannot_be_taken_is_refused_and_counted() -> None:
    queue = ExportQueue()
    with serving(queue) as (receiver, _, endpoint), calling(endpoint) as call:
        for bodies in ([bytes(REQUEST_BYTES + 1)], [bytes(2 * REQUEST_BYTES + 1)], [b"\x0a\xff"], []):
            assert refusal(call, *bodies) in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert call(iter([request().SerializeToString()]), timeout=20) == b""
        until(lambda: receiver.refused == {"too large": 1, "broken off": 2, "damaged": 1}, "the counts")
    assert len(queue.drain()) == 1


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_many_at_once_wait_for_their_turns(protocol: str) -> None:
    queue = ExportQueue()
    with serving(queue) as (receiver, *endpoints), ThreadPoolExecutor(30) as pool:
        results = [pool.submit(exporter(protocol, *endpoints).export, [ended()]) for _ in range(30)]
        assert {result.result().name for result in results} == {"SUCCESS"}
        assert receiver.refused == {}
    assert len(queue.drain()) == 30


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


def full(receiver: Receiver) -> bool:
    free = receiver.bodies.acquire(blocking=False)
    if free:
        receiver.bodies.release()
    return not free


def test_uploads_that_stall_hold_others_up_and_these_are_told_to_come_again() -> None:
    queue, body = ExportQueue(), request().SerializeToString()
    with serving(queue) as (receiver, *endpoints):
        receiver.body_seconds = 60.0
        with stalled(*endpoints), calling(endpoints[1]) as call:
            until(lambda: full(receiver), "all to have begun")
            receiver.wait_seconds = 0.1
            answer = Post(endpoints[0])(body)
            assert (answer.status, answer.getheader("Retry-After")) == (UNAVAILABLE, "1")
            assert refusal(call, body) == grpc.StatusCode.UNAVAILABLE
        until(lambda: Post(endpoints[0])(body).status == 200, "a place")
        assert receiver.refused["too many at once"] >= 2
    assert len(queue.drain()) == 1


def test_but_not_for_long() -> None:
    queue, body = ExportQueue(), request().SerializeToString()
    with serving(queue) as (receiver, *endpoints):
        receiver.body_seconds = 1.0
        with stalled(*endpoints), calling(endpoints[1]) as call:
            until(lambda: receiver.refused["broken off"] == BODIES, "the counts")
            assert Post(endpoints[0])(body).status == 200
            assert call(iter([body]), timeout=20) == b""
    assert len(queue.drain()) == 2


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_an_error_of_a_sink_is_kept_and_the_exporter_told(protocol: str) -> None:
    errors = [OSError("disk full"), ValueError("later")]

    left = iter(errors)

    def sink(_: Export) -> None:
        raise next(left)

    receiver, body = Receiver([sink]), request().SerializeToString()
    with ExitStack() as stack:
        post = Post(stack.enter_context(over_http.serving(receiver)))
        call = stack.enter_context(calling(stack.enter_context(over_grpc.serving(receiver))))
        if protocol == "http":
            assert [post(body).status for _ in errors] == [500, 500]
        else:
            assert [refusal(call, body) for _ in errors] == [grpc.StatusCode.INTERNAL] * 2
    assert (receiver.sink_error, receiver.refused) == (errors[0], {"an error here": 2})


def test_what_is_larger_than_all_room_is_refused_for_good() -> None:
    queue = ExportQueue(100)
    with serving(queue) as (_, endpoint, _):
        assert Post(endpoint)(request(1000).SerializeToString()).status == 413


def test_connections_are_bounded_and_idle_ones_do_not_keep_others_out_for_ever() -> None:
    queue = ExportQueue()
    with serving(queue) as (receiver, endpoint, _):
        place = address(endpoint)
        with ExitStack() as stack:
            for _ in range(CONNECTIONS + 1):
                stack.enter_context(socket.create_connection(place, 20))
            until(lambda: receiver.refused["too many connections"], "one too many")
        until(lambda: _answered(endpoint), "a place that is free again")
    assert len(queue.drain()) == 1


def _answered(endpoint: str) -> bool:
    try:
        return Post(endpoint)(request().SerializeToString()).status == 200
    except (ConnectionError, http.client.HTTPException):
        return False


def test_a_connection_that_breaks_off_is_counted() -> None:
    with serving(ExportQueue()) as (receiver, endpoint, _):
        place = address(endpoint)
        with socket.create_connection(place, 20) as connection:
            connection.sendall(
                f"POST /v1/traces HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 100\r\n\r\nx".encode()
            )
        until(lambda: receiver.refused["broken off"], "the break")


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


def test_lines_are_what_protobuf_s_own_json_is_but_for_ids_and_enums() -> None:
    made = ExportMetricsServiceRequest()
    metric = made.resource_metrics.add().scope_metrics.add().metrics.add(name="lag")
    metric.histogram.aggregation_temporality = 2  # type: ignore[assignment]
    point = metric.histogram.data_points.add(count=3, sum=float("nan"), bucket_counts=[1, 2], explicit_bounds=[0.5])
    point.attributes.add(key="list").value.array_value.values.add().int_value = 2**62
    point.attributes.add(key="empty").value.string_value = ""
    point.attributes.add(key="bytes").value.bytes_value = b"\0\xff"
    point.attributes.add(key="no").value.bool_value = False
    exemplar = point.exemplars.add(as_double=float("inf"), trace_id=b"\1" * 16)
    theirs = MessageToDict(made, use_integers_for_enums=True)
    ours = json.loads(line(made))
    assert _exemplar(ours).pop("traceId") == exemplar.trace_id.hex()
    assert _exemplar(theirs).pop("traceId")
    assert ours == theirs


def _exemplar(
    said: dict[
        str, list[dict[str, list[dict[str, list[dict[str, dict[str, list[dict[str, list[dict[str, str]]]]]]]]]]]
    ],
) -> dict[str, str]:
    return said["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["histogram"]["dataPoints"][0]["exemplars"][0]
