"""Receives OTLP over gRPC."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from . import REQUEST_BYTES, RETRY_SECONDS, SERVICES, UNAVAILABLE, Receiver, Refusal, authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Not UNAVAILABLE, at which the exporter for Python opens another connection. It is final unless there is a `RetryInfo`.
CODES = {UNAVAILABLE: grpc.StatusCode.RESOURCE_EXHAUSTED, 500: grpc.StatusCode.INTERNAL}
WORKERS = 64  # most of them wait
OPTIONS = (
    ("grpc.max_receive_message_length", 2 * REQUEST_BYTES),  # so that in most cases we refuse and count
    ("grpc.max_concurrent_streams", WORKERS),  # of a connection; further ones wait at the exporter
    ("grpc.so_reuseport", 0),  # otherwise two servers would share a port and its requests
)


@contextmanager
def serving(receiver: Receiver, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Run a server during the block and yield the endpoint for exporters; raises `OSError` if the port is taken."""
    if port:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()  # its error names the reason, that of gRPC does not
    with ThreadPoolExecutor(WORKERS) as pool:
        server = grpc.server(pool, options=OPTIONS)
        for signal, service in SERVICES.items():
            # As a stream, so that a body is not in memory before it may be read.
            method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(
                _export(receiver, signal)
            )
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
        try:
            bound = server.add_insecure_port(authority(host, port))
        except RuntimeError as error:
            raise OSError(str(error)) from error
        server.start()
        try:
            yield f"http://{authority(host, bound)}"
        finally:
            server.stop(grace=0).wait()


def _export(receiver: Receiver, signal: str) -> Callable[[Iterator[bytes], grpc.ServicerContext], bytes]:
    def export(bodies: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        try:
            with receiver.reading():
                receiver.take(signal, _body(receiver, bodies, context))
        except Refusal as refusal:
            if refusal.status == UNAVAILABLE:
                context.set_trailing_metadata(_retry(refusal.why))
            context.abort(CODES.get(refusal.status, grpc.StatusCode.INVALID_ARGUMENT), refusal.why)
        return b""

    return export


def _retry(why: str) -> tuple[tuple[str, bytes], ...]:
    """Return the trailers that tell when to try again: where most exporters look, and where the one for Python does."""
    info, detail = RetryInfo(retry_delay=Duration(seconds=RETRY_SECONDS)), Any()
    detail.Pack(info)
    status = Status(code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], message=why, details=[detail])
    return (
        ("grpc-status-details-bin", status.SerializeToString()),
        ("google.rpc.retryinfo-bin", info.SerializeToString()),
    )


def _body(receiver: Receiver, bodies: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    timer = Timer(receiver.body_seconds, context.cancel)
    timer.start()
    try:
        return next(bodies)
    except (StopIteration, grpc.RpcError):
        raise receiver.refuse(400, "broken off") from None
    finally:
        timer.cancel()
