"""A receiver reads so many bodies at a time, for so long, over so many connections."""

from __future__ import annotations

import http.client
import socket
from contextlib import ExitStack

import grpc
from support.waiting import until

from otel_eda.otlp import BODIES, UNAVAILABLE, Receiver
from otel_eda.otlp.http import CONNECTIONS, PROTOBUF
from otel_eda.otlp.queue import ExportQueue

from .helpers import Post, address, calling, refusal, request, serving, stalled


def full(receiver: Receiver) -> bool:
    free = receiver.bodies.acquire(blocking=False)
    if free:
        receiver.bodies.release()
    return not free


def test_uploads_that_stall_hold_others_up_which_are_told_to_try_again() -> None:
    queue, body = ExportQueue(), request().SerializeToString()
    with serving(queue) as (receiver, *endpoints):
        receiver.body_seconds = 60.0
        with stalled(*endpoints), calling(endpoints[1]) as call:
            until(lambda: full(receiver), "all to have begun")
            receiver.wait_seconds = 0.1
            answer = Post(endpoints[0])(body)
            assert (answer.status, answer.getheader("Retry-After")) == (UNAVAILABLE, "1")
            assert refusal(call, body) == grpc.StatusCode.RESOURCE_EXHAUSTED
        until(lambda: Post(endpoints[0])(body).status == 200, "a place")
        assert receiver.refused["too many at once"] >= 2
    assert len(queue.drain()) == 1


def test_an_upload_that_stalls_is_given_up_after_a_while() -> None:
    queue, body = ExportQueue(), request().SerializeToString()
    with serving(queue) as (receiver, *endpoints):
        receiver.body_seconds = 1.0
        with stalled(*endpoints), calling(endpoints[1]) as call:
            until(lambda: receiver.refused["broken off"] == BODIES, "the counts")
            assert Post(endpoints[0])(body).status == 200
            assert call(iter([body]), timeout=20) == b""
    assert len(queue.drain()) == 2


def _answered(endpoint: str) -> bool:
    try:
        return Post(endpoint)(request().SerializeToString()).status == 200
    except (ConnectionError, http.client.HTTPException):
        return False


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


def test_a_connection_that_breaks_off_is_counted() -> None:
    with serving(ExportQueue()) as (receiver, endpoint, _):
        place = address(endpoint)
        with socket.create_connection(place, 20) as connection:
            connection.sendall(
                f"POST /v1/traces HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 100\r\n\r\nx".encode()
            )
        until(lambda: receiver.refused["broken off"], "the break")
