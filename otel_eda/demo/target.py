"""Where the user wants to see telemetry: an OTLP endpoint that was given, or a Jaeger found on its standard ports."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.util.re import parse_env_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

JAEGER_OTLP = 4318
JAEGER_UI = 16686
OTLP_GRPC = 4317
PROBE = 1.0  # seconds


@dataclass(frozen=True)
class Target:
    """An OTLP endpoint (base URL), how to talk to it, and the Jaeger UI on the same host, if there is one."""

    endpoint: str
    protocol: str = "http/protobuf"
    headers: Mapping[str, str] = field(default_factory=dict)
    certificate: str | None = None
    ui: str | None = None

    def link(self, trace_id: str) -> str | None:
        """Return the page of a trace, or None without a Jaeger."""
        return f"{self.ui}/trace/{trace_id}" if self.ui else None


def find(
    endpoint: str | None, environ: Mapping[str, str], ui: int = JAEGER_UI, otlp: int = JAEGER_OTLP
) -> Target | None:
    """Choose the endpoint asked for, else the one of `OTEL_EXPORTER_OTLP_ENDPOINT`, else a local Jaeger, else none."""
    given = endpoint or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return _given(with_scheme(given), environ, ui) if given else _local(otlp, ui)


def with_scheme(endpoint: str) -> str:
    """Read a bare `host:port` as plain HTTP."""
    return endpoint if "://" in endpoint else f"http://{endpoint}"


def _given(endpoint: str, environ: Mapping[str, str], ui: int) -> Target:
    return Target(
        endpoint=endpoint,
        protocol=environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _usual(endpoint),
        headers=parse_env_headers(environ.get("OTEL_EXPORTER_OTLP_HEADERS", ""), liberal=True),
        certificate=environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE"),
        ui=jaeger(urlsplit(endpoint).hostname or "localhost", ui),
    )


def _usual(endpoint: str) -> str:
    return "grpc" if urlsplit(endpoint).port == OTLP_GRPC else "http/protobuf"


def _local(otlp: int, ui: int) -> Target | None:
    page = jaeger("localhost", ui)
    return Target(f"http://localhost:{otlp}", ui=page) if page and _listens(otlp) else None


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), PROBE).close()
    except OSError:
        return False
    return True


def jaeger(host: str, port: int) -> str | None:
    """Return the base URL of the Jaeger UI at this address, or None if nothing there answers like a Jaeger."""
    connection = http.client.HTTPConnection(host, port, timeout=PROBE)
    try:
        connection.request("GET", "/api/services")
        known = json.load(connection.getresponse())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return f"http://{host}:{port}" if isinstance(known, dict) and "data" in known else None
