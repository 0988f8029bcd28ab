"""ClickHouse's HTTP interface before its engine, which chdb embeds.

`python -m diagnosis.engines.front FOLDER USER PASSWORD READONLY [CERTIFICATE]` prints its port when it is ready. chdb
has no server, so what is of the server is here: the password, TLS. All else is the engine's.
"""

from __future__ import annotations

import base64
import re
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qs, urlsplit

import chdb

from .native import revised

# What of a request is no setting of the engine.
OTHERS = {"query", "database", "default_format", "query_id", "client_protocol_version", "wait_end_of_query"}
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
OLD = 54405  # clients of this revision and older read what chdb writes
DENIED = (
    "Code: 516. DB::Exception: {}: Authentication failed: password is incorrect, or there is no user with such name. "
    "(AUTHENTICATION_FAILED)"
)


class Front(ThreadingHTTPServer):
    """One engine for all requests, one at a time."""

    daemon_threads = True

    def __init__(self, folder: str, user: str, password: str, readonly: str, certificate: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.allowed = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        connect: Any = chdb.connect
        self.engine = connect(folder)
        self.lock = threading.Lock()
        self.had: dict[str, str] = {}
        self.settings = set(str(self.engine.query("SELECT name FROM system.settings", "TabSeparated")).split())
        if readonly == "1":  # it cannot be left again
            self.engine.query("SET readonly = 1")
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def answer(self, statement: str, data: bytes, asked: dict[str, str]) -> tuple[bytes, str]:
        """Return the bytes of an answer and their format."""
        found = FORMAT.search(statement)
        text, kind = (statement[: found.start()], found[1]) if found else (statement, asked.get("default_format", ""))
        with self.lock:
            self._set(asked)
            if data:
                self._insert(text, kind, data)
                return b"", kind
            answer = self.engine.query(text, kind or "TabSeparated")
            content = (answer.bytes() or b"") if answer is not None else b""
            revision = int(asked.get("client_protocol_version", 0))
            return revised(content, revision) if content and kind == "Native" and revision > OLD else content, kind

    def _set(self, asked: dict[str, str]) -> None:
        """Have the database and the settings of a request, and no others of the one before."""
        self.engine.query(f"USE {asked.get('database') or 'default'}")
        wanted = {name: asked[name] for name in (asked.keys() & self.settings) - OTHERS}
        for name in self.had.keys() - wanted.keys():
            self.engine.query(f"SET {name} = DEFAULT")
            del self.had[name]
        for name, value in wanted.items() - self.had.items():
            self.engine.query(f"SET {name} = '{value}'")
            self.had[name] = value

    def _insert(self, statement: str, kind: str, data: bytes) -> None:
        with NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self.engine.query(f"{statement} FROM INFILE '{file.name}' FORMAT {kind}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that does not trust the certificate."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Front

    def do_GET(self) -> None:
        """Answer as to POST."""
        self.do_POST()

    def do_POST(self) -> None:
        """Answer with what the engine answers."""
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        asked = {name: values[0] for name, values in query.items()}
        body = self._body()
        statement, data = (asked["query"], body) if "query" in asked else (body.decode(), b"")
        user = self.headers.get("Authorization", "")
        if user != self.server.allowed:
            self._say(403, DENIED.format(base64.b64decode(user.partition(" ")[2]).decode().partition(":")[0]).encode())
            return
        try:
            answer, kind = self.server.answer(statement, data, asked)
            self._say(200, answer, kind)
        except Exception as error:
            self._say(500, str(error).encode())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _say(self, status: int, body: bytes, kind: str = "TabSeparated") -> None:
        self.send_response(status)
        code = re.search(rb"Code: (\d+)", body) if status != 200 else None
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code[1].decode())
        self.send_header("X-ClickHouse-Format", kind)
        self.send_header("X-ClickHouse-Timezone", "UTC")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Write no log."""


if __name__ == "__main__":
    front = Front(*sys.argv[1:])
    print(front.server_address[1], flush=True)
    front.serve_forever()
