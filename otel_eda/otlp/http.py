"""Receives OTLP over HTTP, in protobuf or JSON."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from . import REQUEST_BYTES, RETRY_SECONDS, UNAVAILABLE, Receiver, Refusal, authority

if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOBUF, JSON = "application/x-protobuf", "application/json"
# A response without a complaint.
EMPTY = {PROTOBUF: b"", JSON: b"{}"}
# What browsers say of the page that a request comes from, and no service's exporter does. A page that somebody looks at
# could otherwise send whatever it likes: its own name may resolve to this machine (DNS rebinding).
BROWSER = ("Origin", "Sec-Fetch-Site")
CONNECTIONS = 256  # each has a thread
SILENCE_SECONDS = 60.0  # after which a silent connection is closed
PART_BYTES = 64 << 10


class Server(ThreadingHTTPServer):
    """Serves HTTP for a receiver, by default on a free loopback port."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, receiver: Receiver, host: str = "127.0.0.1", port: int = 0) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.receiver = receiver
        self.connections = threading.BoundedSemaphore(CONNECTIONS)

    @property
    def endpoint(self) -> str:
        """The base URL that an exporter is given."""
        return f"http://{authority(str(self.server_address[0]), self.server_port)}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, unless there are too many."""
        if self.connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.receiver.refuse(UNAVAILABLE, "too many connections")
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # as it is called
        """Count a connection that broke off or fell silent within a request."""
        self.receiver.refuse(400, "broken off")


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_SECONDS

    def do_POST(self) -> None:
        """Take one export."""
        try:
            self._take(self._length())
        except Refusal as refusal:
            self._answer(refusal.status)
        else:
            self._answer(200)

    def _take(self, length: int) -> None:
        close, self.close_connection = self.close_connection, True  # an unread body would be taken for a request
        if any(name in self.headers for name in BROWSER):
            raise self.server.receiver.refuse(403, "of a page in a browser")
        with self.server.receiver.reading():
            body = self._body(length)
            self.close_connection = close
            if self._type() not in EMPTY:
                raise self.server.receiver.refuse(415, "neither protobuf nor JSON")
            encoding = self.headers.get("Content-Encoding", "identity")
            self.server.receiver.take(self.path.removeprefix("/v1/"), body, encoding, as_json=self._type() == JSON)

    def _type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def _body(self, length: int) -> bytes:
        body, end = bytearray(), time.monotonic() + self.server.receiver.body_seconds
        while len(body) < length:
            self.connection.settimeout(max(end - time.monotonic(), 0.001))
            try:
                part = self.rfile.read1(min(length - len(body), PART_BYTES))
            except TimeoutError:
                part = b""
            if not part or time.monotonic() > end:
                raise ConnectionError("broken off")
            body += part
        self.connection.settimeout(SILENCE_SECONDS)
        return bytes(body)

    def _length(self) -> int:
        text = self.headers.get("Content-Length", "")
        length = int(text) if text.isdecimal() else -1
        if 0 <= length <= REQUEST_BYTES:
            return length
        self.close_connection = True  # what follows is not a request
        raise self.server.receiver.refuse(*((411, "without a length") if length < 0 else (413, "too large")))

    def _answer(self, status: int) -> None:
        kind = JSON if self._type() == JSON else PROTOBUF
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(EMPTY[kind])))
        if status == UNAVAILABLE:
            self.send_header("Retry-After", str(RETRY_SECONDS))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(EMPTY[kind])

    def log_message(self, *_: object) -> None:
        """Write nothing to the terminal."""


@contextmanager
def serving(receiver: Receiver, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Run a server during the block and yield the endpoint for exporters; raises `OSError` if the port is taken."""
    with Server(receiver, host, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.endpoint
        finally:
            server.shutdown()
            thread.join()
