"""OTLP over gRPC."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc

from . import FULL, LARGEST, SERVICES, Door, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CODES = {FULL: grpc.StatusCode.UNAVAILABLE, 413: grpc.StatusCode.RESOURCE_EXHAUSTED}
WORKERS = 4
OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST),
    ("grpc.so_reuseport", 0),  # else two servers would share a port, and each would get a part
)


@contextmanager
def serving(door: Door, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Run a server and yield the endpoint for exporters; raises `OSError` if the port is taken."""
    if port:
        socket.create_server((host, port)).close()  # it says what is wrong, gRPC only that something is
    server = grpc.server(ThreadPoolExecutor(WORKERS), options=OPTIONS, maximum_concurrent_rpcs=2 * WORKERS)
    for signal, service in SERVICES.items():
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_export(door, signal))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    try:
        taken = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(str(error)) from error
    server.start()
    try:
        yield f"http://{host}:{taken}"
    finally:
        server.stop(grace=0).wait()


def _export(door: Door, signal: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            door.take(signal, body)
        except Refusal as refusal:
            context.abort(CODES.get(refusal.status, grpc.StatusCode.INVALID_ARGUMENT), refusal.why)
        return b""

    return export
