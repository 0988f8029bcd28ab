"""OTLP over gRPC."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

import grpc

from . import FULL, LARGEST, SERVICES, Door, Refusal, authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CODES = {FULL: grpc.StatusCode.UNAVAILABLE, 500: grpc.StatusCode.INTERNAL}
WORKERS = 64  # most of them wait
OPTIONS = (
    ("grpc.max_receive_message_length", 2 * LARGEST),  # so that it is we who refuse and count, in most cases
    ("grpc.max_concurrent_streams", WORKERS),  # of a connection; more wait at the exporter
    ("grpc.so_reuseport", 0),  # else two servers would share a port, and each would get a part
)


@contextmanager
def serving(door: Door, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Run a server and yield the endpoint for exporters; raises `OSError` if the port is taken."""
    if port:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()  # it says what is wrong, gRPC only that something is
    with ThreadPoolExecutor(WORKERS) as pool:
        server = grpc.server(pool, options=OPTIONS)
        for signal, service in SERVICES.items():
            # As a stream, so that what is not yet there to be read is in nobody's memory.
            method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(_export(door, signal))
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
        try:
            taken = server.add_insecure_port(authority(host, port))
        except RuntimeError as error:
            raise OSError(str(error)) from error
        server.start()
        try:
            yield f"http://{authority(host, taken)}"
        finally:
            server.stop(grace=0).wait()


def _export(door: Door, signal: str) -> Callable[[Iterator[bytes], grpc.ServicerContext], bytes]:
    def export(bodies: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        try:
            with door.reading():
                door.take(signal, _body(door, bodies, context))
        except Refusal as refusal:
            context.abort(CODES.get(refusal.status, grpc.StatusCode.INVALID_ARGUMENT), refusal.why)
        return b""

    return export


def _body(door: Door, bodies: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    late = Timer(door.patience, context.cancel)
    late.start()
    try:
        return next(bodies)
    except (StopIteration, grpc.RpcError):
        raise door.refuse(400, "broken off") from None
    finally:
        late.cancel()
