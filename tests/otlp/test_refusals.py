"""What a receiver cannot take it refuses and counts, and the exporter knows whether to try again."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from support.waiting import until

from otel_eda.otlp import REQUEST_BYTES, UNAVAILABLE, Receiver, protobuf_bodies
from otel_eda.otlp import grpc as over_grpc
from otel_eda.otlp import http as over_http
from otel_eda.otlp.json_bodies import MOST_VALUES
from otel_eda.otlp.json_lines import line
from otel_eda.otlp.protobuf_bodies import MOST_MESSAGES, crowded
from otel_eda.otlp.queue import ExportQueue

from .helpers import Post, calling, refusal, request, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from otel_eda.otlp import Export

AS_JSON = {"Content_Type": "application/json"}


def test_a_request_for_which_there_is_no_room_is_counted_and_its_exporter_told_to_try_again() -> None:
    body = request(1000).SerializeToString()
    queue = ExportQueue(3 * len(body))
    with serving(queue) as (receiver, endpoint, calls):
        post = Post(endpoint)
        assert [post(body).status for _ in range(3)] == [200, 200, 200]
        refused = post(body)
        assert (refused.status, refused.getheader("Retry-After")) == (UNAVAILABLE, "1")
        with calling(calls) as call:
            assert refusal(call, body) == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert receiver.refused == {"no room": 2}
            assert len(queue.drain()) == 3
            assert call(iter([body]), timeout=20) == b""
        assert post(body).status == 200
    assert len(queue.drain()) == 2


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"),
    [
        (b"x", {"Content_Length": "nine"}, 411, "without a length"),
        (b"", {"Content_Length": str(REQUEST_BYTES + 1)}, 413, "too large"),
        (gzip.compress(bytes(REQUEST_BYTES + 1), mtime=0), {"Content_Encoding": "gzip"}, 413, "too large"),
        (gzip.compress(b"cut off" * 100, mtime=0)[:20], {"Content_Encoding": "gzip"}, 400, "damaged"),
        (gzip.compress(b"\x0a\x00" * (1 << 20), mtime=0), {"Content_Encoding": "gzip"}, 413, "too large"),
        (gzip.compress(b"", mtime=0) * 1000, {"Content_Encoding": "gzip"}, 400, "damaged"),
        (b"\x0a\xff", {}, 400, "damaged"),
        (b'{"resourceSpans":[{}' + b",{}" * MOST_VALUES + b"]}", AS_JSON, 413, "too many values"),
        (b"\x0a\x00" * (MOST_MESSAGES + 1), {}, 413, "too many values"),
        (b"\x0a\x06\x12\x04\x12\x02\x4a\x00" * (MOST_MESSAGES // 4 + 1), {}, 413, "too many values"),
        (b"{}", {"Content_Type": "text/plain"}, 415, "neither protobuf nor JSON"),
        (b"{}", {**AS_JSON, "Origin": "http://evil.example:4318"}, 403, "of a page in a browser"),
        (b"{}", {**AS_JSON, "Origin": "null"}, 403, "of a page in a browser"),
        (b"", {"Sec_Fetch_Site": "same-origin"}, 403, "of a page in a browser"),
        (b"{", AS_JSON, 400, "damaged"),
        (b"[1]", AS_JSON, 400, "damaged"),
        (b'{"resourceSpans": 7}', AS_JSON, 400, "damaged"),
        (b'{"resourceSpans":' + b"[" * 5000, AS_JSON, 400, "damaged"),
        (
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}',
            {"Content_Type": "application/json"},
            400,
            "damaged",
        ),
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


def test_messages_of_a_body_are_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    made = request(7)
    number = sum(1 for _ in _within(made)) - 1
    for most, expected in ((number, False), (number - 1, True)):
        monkeypatch.setattr(protobuf_bodies, "MOST_MESSAGES", most)
        assert crowded(made.SerializeToString(), made.DESCRIPTOR) is expected
        assert crowded(made.SerializeToString()[:-1], made.DESCRIPTOR) is False or expected


def _within(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if isinstance(value, Sequence) else [value]:
                yield from _within(one)


def test_all_members_of_a_gzip_are_read() -> None:
    queue, body = ExportQueue(), request().SerializeToString()
    with serving(queue) as (_, endpoint, _):
        assert Post(endpoint)(gzip.compress(body) + gzip.compress(body), Content_Encoding="gzip").status == 200
    ((_, taken),) = queue.drain()
    assert taken == body + body


def test_json_that_takes_long_to_read_holds_no_protobuf_up() -> None:
    taken: list[int] = []
    receiver = Receiver([lambda export: taken.append(len(export.body))])
    many = b'{"resourceSpans":[{}' + b",{}" * (MOST_VALUES // 6) + b"]}"
    slow = threading.Thread(target=receiver.take, args=("traces", many), kwargs={"as_json": True})
    slow.start()
    time.sleep(0.05)
    quick = request().SerializeToString()
    receiver.take("traces", quick)
    assert taken == [len(quick)]
    slow.join()
    assert len(taken) == 2


def test_by_grpc_too_what_cannot_be_taken_is_refused_and_counted() -> None:
    queue = ExportQueue()
    with serving(queue) as (receiver, _, endpoint), calling(endpoint) as call:
        for bodies in ([bytes(REQUEST_BYTES + 1)], [bytes(2 * REQUEST_BYTES + 1)], [b"\x0a\xff"], []):
            assert refusal(call, *bodies) in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert call(iter([request().SerializeToString()]), timeout=20) == b""
        until(lambda: receiver.refused == {"too large": 1, "broken off": 2, "damaged": 1}, "the counts")
    assert len(queue.drain()) == 1


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


def test_an_exporter_over_grpc_is_told_when_to_try_again() -> None:
    body = request(1000).SerializeToString()
    with serving(ExportQueue(len(body))) as (_, _, calls), calling(calls) as call:
        call(iter([body]), timeout=20)
        with pytest.raises(grpc.RpcError) as caught:
            call(iter([body]), timeout=20)
    assert isinstance(caught.value, grpc.Call)
    told = dict(caught.value.trailing_metadata() or ())
    assert RetryInfo.FromString(bytes(told["google.rpc.retryinfo-bin"])).retry_delay.seconds == 1
    status, info = Status.FromString(bytes(told["grpc-status-details-bin"])), RetryInfo()
    assert status.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert status.details[0].Unpack(info)
    assert info.retry_delay.seconds == 1


def test_json_is_taken_as_protobuf_is() -> None:
    queue, made = ExportQueue(), request(9)
    made.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano = 1_790_000_000_000_000_000
    with serving(queue) as (receiver, endpoint, _):
        answer = Post(endpoint)(line(made).encode(), Content_Type="application/json; charset=utf-8")
        assert (answer.status, answer.getheader("Content-Type"), answer.getheader("Content-Length")) == (
            200,
            "application/json",
            "2",
        )
        assert receiver.refused == {}
    assert queue.drain() == [("traces", made.SerializeToString())]
