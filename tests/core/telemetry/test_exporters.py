"""A forked child exports what it does itself, whoever gave the providers, and leaves its parent's connections alone."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from support.forking import in_child
from support.threads import beside

from otel_eda.core.lifecycle.children import end_child
from otel_eda.core.runtime import state
from otel_eda.core.telemetry import events
from otel_eda.core.telemetry.exporters import providers
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
HOST = "127.0.0.1"
NEVER = 3_600_000  # milliseconds


@contextmanager
def taking() -> Iterator[tuple[str, list[int]]]:
    """Take requests; give where, and the ports that they came from."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay open

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            came_from.append(self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    came_from: list[int] = []
    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        with beside(partial(server.serve_forever, 0.05), server.shutdown):
            yield f"http://{HOST}:{server.server_port}/v1/traces", came_from


def test_a_child_exports_by_a_given_provider_and_by_a_connection_of_its_own() -> None:
    def act() -> None:
        provider.get_tracer("scope").start_span("b").end()
        end_child(None)

    with taking() as (url, came_from):
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url), schedule_delay_millis=NEVER))
        Telemetry("library").set_providers(provider, None)
        provider.get_tracer("scope").start_span("a").end()
        provider.force_flush()
        assert in_child(act) == "None"
        provider.get_tracer("scope").start_span("c").end()
        provider.shutdown()
    first, of_child, last = came_from
    assert first == last != of_child


def test_providers_that_are_given_are_flushed_too_each_once_and_logs_last() -> None:
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
    logs = LoggerProvider(shutdown_on_exit=False)
    for library in ("a", "b"):
        Telemetry(library).set_providers(tracers, meters)
    events.set_provider(logs)
    *recording, last = providers()
    assert last is logs
    assert [recording.count(given) for given in (tracers, meters, logs)] == [1, 1, 0]
    state.reset()
    assert tracers not in providers()
    assert logs not in providers()
