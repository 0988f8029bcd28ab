"""A server of the tests that serves the built page, and answers as made systems would."""

from __future__ import annotations

import json
import mimetypes
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from .answers import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .made import Made

STATIC = Path(__file__).parents[2] / "otel_eda" / "serve" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FULL = "There are 64 viewers already, which is the most that this server takes."


class PageServer(ThreadingHTTPServer):
    """Shows one made system, with a new state every `every` seconds; `full` takes no more viewers, `locked`
    asks for a token.
    """

    daemon_threads = True
    made: Made
    every: float = 0.2
    full: bool = False
    locked: bool = False
    questions: int = 0
    events: int = 0


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: PageServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        name = address.path.removeprefix("/api/")
        with suppress(ConnectionError):
            if address.path.startswith("/api/") and self.server.locked:
                self._send(401, "application/json", b'{"error": "no token"}')
            elif name == "events" and not self.server.full:
                self._events()
            elif name == "events":
                self._send(503, "application/json", json.dumps({"error": FULL}).encode())
            elif name in ANSWERS:
                asked = dict(parse_qsl(address.query, keep_blank_values=True))
                self.server.questions += 1
                answer = ANSWERS[name](self.server.made, asked)
                self._send(200, "application/json", json.dumps(answer).encode())
            else:
                self._file(address.path)

    def _file(self, path: str) -> None:
        file = STATIC / (path.strip("/") or "index.html")
        if not file.is_file():
            self._send(404, "text/plain", b"not found")
            return
        self._send(200, mimetypes.guess_type(file.name)[0] or "text/plain", file.read_bytes())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            self.wfile.write(f"event: state\ndata: {json.dumps(self.server.made.state())}\n\n".encode())
            self.server.events += 1
            time.sleep(self.server.every)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(made: Made) -> Iterator[PageServer]:
    """Serve a made system during the block."""
    with PageServer(("127.0.0.1", 0), Handler) as server:
        server.made = made
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
