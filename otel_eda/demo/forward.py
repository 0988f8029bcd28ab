"""Sends received telemetry on to the user's own endpoint."""

from __future__ import annotations

import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from otel_eda.diagnosis.web import opener
from otel_eda.otlp import SERVICES, Export
from otel_eda.otlp.http import PROTOBUF

if TYPE_CHECKING:
    import grpc

    from .target import Target

Send: TypeAlias = Callable[[Export], None]
PATIENCE = 5.0  # seconds for a request
DRAIN = 10.0  # seconds for what is left at the end


class UnsentError(Exception):
    """The endpoint did not take a request."""


class Forward:
    """A sink with a thread of its own, so that no exporter waits for the user's endpoint.

    A signal is given up at its first failure, which `failures` then tells: a demo must not hang if an endpoint does.
    """

    def __init__(self, send: Send) -> None:
        self.send = send
        self.queue: SimpleQueue[Export | None] = SimpleQueue()
        self.failures: dict[str, str] = {}
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def __call__(self, export: Export) -> None:
        """Send a request soon."""
        self.queue.put(export)

    def close(self) -> None:
        """Wait until everything is sent, but not for ever."""
        self.queue.put(None)
        self.thread.join(DRAIN)
        if self.thread.is_alive():
            self.failures.setdefault("traces", f"not everything was taken within {DRAIN:.0f} s")

    def _work(self) -> None:
        for export in iter(self.queue.get, None):
            if export.signal not in self.failures:
                self._try(export)

    def _try(self, export: Export) -> None:
        try:
            self.send(export)
        except UnsentError as error:
            self.failures[export.signal] = str(error)


@contextmanager
def forward(target: Target) -> Iterator[Forward]:
    """Forward to a target until the end of the block."""
    with _sender(target) as send:
        forwarding = Forward(send)
        try:
            yield forwarding
        finally:
            forwarding.close()


def _sender(target: Target) -> AbstractContextManager[Send]:
    return _grpc(target) if target.protocol == "grpc" else _http(target)


@contextmanager
def _http(target: Target) -> Iterator[Send]:
    opens = opener(target.endpoint, *_handlers(target)).open

    def send(export: Export) -> None:
        try:
            opens(_post(target, export), timeout=PATIENCE).close()
        except (OSError, HTTPException, ValueError) as error:
            raise UnsentError(str(error)) from error

    yield send


def _post(target: Target, export: Export) -> urllib.request.Request:
    url = f"{target.endpoint.rstrip('/')}/v1/{export.signal}"
    headers = {"Content-Type": PROTOBUF, **target.headers}
    return urllib.request.Request(url, export.body, headers)  # noqa: S310  # the user's own URL


def _handlers(target: Target) -> Iterator[urllib.request.BaseHandler]:
    if target.certificate:
        yield urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=target.certificate))


@contextmanager
def _grpc(target: Target) -> Iterator[Send]:
    import grpc  # only who asks for gRPC needs it

    metadata = tuple(target.headers.items())
    with _channel(target) as channel:

        def send(export: Export) -> None:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICES[export.signal]}/Export")
            try:
                call(export.body, timeout=PATIENCE, metadata=metadata)
            except grpc.RpcError as error:
                raise UnsentError(error.details() if isinstance(error, grpc.Call) else str(error)) from error

        yield send


def _channel(target: Target) -> grpc.Channel:
    import grpc

    address = urlsplit(target.endpoint)
    if address.scheme != "https":
        return grpc.insecure_channel(address.netloc)
    roots = Path(target.certificate).read_bytes() if target.certificate else None
    return grpc.secure_channel(address.netloc, grpc.ssl_channel_credentials(roots))
