"""Jaeger, with what it is told in stack/jaeger.yaml, and a client of its stable API."""

from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import cache, tools
from .service import HOST, Service, poll
from .spans import Span, read

MODULE = Path(__file__).parent / "jaeger"
CONFIG = Path(__file__).parents[2] / "stack" / "jaeger.yaml"
PACKAGE = "github.com/jaegertracing/jaeger/cmd/jaeger"
WAIT = 30.0  # seconds
DEPTH = 10_000  # traces a search gives at most; Jaeger refuses to search without a limit
NOT_FOUND = 404


class Jaeger:
    """A Jaeger by its addresses: `otlp_http` and `query` are URLs, `otlp_grpc` is `host:port`."""

    def __init__(self, query: str, otlp_http: str, otlp_grpc: str) -> None:
        self.query = query
        self.otlp_http = otlp_http
        self.otlp_grpc = otlp_grpc
        # What the environment says of proxies is not meant for a server of the tests.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def services(self) -> set[str]:
        """Give the names of all services that sent spans."""
        return set(self._get("/api/v3/services").get("services", ()))

    def trace(self, trace_id: str) -> list[Span]:
        """Give the spans of a trace by their start; none if Jaeger does not know it."""
        return self._spans(f"/api/v3/traces/{trace_id}")

    def find(self, service: str, start: datetime, end: datetime) -> list[Span]:
        """Give the spans, by their start, of every trace in which the service took part in that time."""
        query = {
            "query.service_name": service,
            "query.start_time_min": _rfc3339(start),
            "query.start_time_max": _rfc3339(end),
            "query.num_traces": str(DEPTH),
        }
        return self._spans(f"/api/v3/traces?{urllib.parse.urlencode(query)}")

    def wait_for(self, trace_id: str, count: int, timeout: float = WAIT) -> list[Span]:
        """Give the spans of a trace once there are that many; raises `TimeoutError` with those there are."""
        seen: list[Span] = []

        def probe() -> list[Span] | None:
            seen[:] = self.trace(trace_id)
            return seen if len(seen) >= count else None

        try:
            return poll(probe, timeout, f"{count} spans of trace {trace_id}")
        except TimeoutError as error:
            names = ", ".join(f"{span.service}: {span.name}" for span in seen)
            raise TimeoutError(f"{error}; there are {len(seen)}: {names}") from None

    def _spans(self, path: str) -> list[Span]:
        try:
            return read(self._get(path))
        except urllib.error.HTTPError as error:
            with error:
                if error.code != NOT_FOUND:
                    raise
            return []

    def _get(self, path: str) -> dict[str, Any]:
        with self._opener.open(f"{self.query}{path}", timeout=WAIT) as response:
            body: dict[str, Any] = json.load(response)
        return body


class JaegerServer(Service):
    """The process of a Jaeger."""

    name = "jaeger"
    listeners = 4

    def client(self) -> Jaeger:
        """Give a client of it."""
        query, _, http, grpc = (f"{HOST}:{port}" for port in self.ports)
        return Jaeger(f"http://{query}", f"http://{http}", grpc)

    def prepare(self) -> list[str]:
        """Write what is different from the container: its addresses."""
        here = self.folder / "here.json"
        here.write_text(json.dumps(_here(*(f"{HOST}:{port}" for port in self.ports)), indent=1))
        return [str(binary()), f"--config={CONFIG}", f"--config={here}"]

    def ready(self) -> bool:
        """Tell whether it takes spans and answers queries."""
        try:
            self.client().services()
            for port in self.ports:
                socket.create_connection((HOST, port), WAIT).close()
        except OSError:
            return False
        return True


def _here(query: str, query_grpc: str, http: str, grpc: str) -> dict[str, object]:
    # JSON is YAML, which Jaeger reads.
    return {
        "extensions": {"jaeger_query": {"http": {"endpoint": query}, "grpc": {"endpoint": query_grpc}}},
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": http}, "grpc": {"endpoint": grpc}}}},
    }


def external() -> Jaeger | None:
    """Give the Jaeger that runs already, if there is one to use."""
    query = os.environ.get("OTEL_EDA_TEST_JAEGER", "").rstrip("/")
    if not query:
        return None
    host = urllib.parse.urlsplit(query).hostname or HOST
    http = os.environ.get("OTEL_EDA_TEST_JAEGER_OTLP") or f"http://{host}:4318"
    grpc = os.environ.get("OTEL_EDA_TEST_JAEGER_OTLP_GRPC") or f"{host}:4317"
    return Jaeger(query, http.rstrip("/"), grpc)


def binary() -> Path:
    """Give the path of Jaeger's program; built by Go the first time, which takes some minutes."""
    return cache.built("jaeger", [MODULE / "go.mod", MODULE / "go.sum"], _build) / "jaeger"


def _build(folder: Path) -> None:
    tools.run([tools.go(MODULE), "build", "-trimpath", "-o", str(folder / "jaeger"), PACKAGE], MODULE)


def _rfc3339(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
