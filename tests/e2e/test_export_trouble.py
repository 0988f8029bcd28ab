"""Whatever becomes of what is exported, the application goes on, and what is lost is a number in the telemetry."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.programs import launched, receiving, run, running
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.programs import Way

pytest.importorskip("zmq")

PROGRAM = Path(__file__).parent / "programs" / "busy.py"
NUMBER = 3000
SPANS = 2 * NUMBER  # of a send and of its processing
# The SDK looks whether its queue is full, and then adds a span: one that another thread makes room for counts as lost.
TOO_MANY = 30
SMALL = {"OTEL_BSP_MAX_QUEUE_SIZE": "512", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "256"}
COUNTED = find_spec("opentelemetry.sdk.trace._tracer_metrics") is not None
DROPPED, EXPORTED = "otel.sdk.processor.span.processed", "otel.sdk.exporter.span.exported"
EXPORT = "otel.sdk.exporter.operation.duration"
STATUS = "http.response.status_code"


class Server(BaseHTTPRequestHandler):
    """Answers each request with one status, or with none as long as the test runs."""

    status = 0
    over = threading.Event()

    def do_POST(self) -> None:  # the base class's name
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if not self.status:
            self.over.wait(60)
            return
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def trouble(kind: str) -> Iterator[str]:
    """Have an endpoint that is down, silent, or answers with a status; gives its address."""
    status = int(kind) if kind.isdigit() else 0
    handler = type("Handler", (Server,), {"status": status, "over": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    if kind == "down":
        server.server_close()
        yield address
        return
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield address
    finally:
        handler.over.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()
        server.server_close()


def way(endpoint: str) -> Way:
    """Give how the program is started: spans to that endpoint, metrics to its output."""
    more = {
        "OTEL_METRICS_EXPORTER": "console",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_METRIC_EXPORT_INTERVAL": "60000",
    }
    return launched(endpoint, OTEL_PYTHON_DISTRO="eda", **more, **SMALL)


def counts(output: str) -> Counter[str]:
    """Give what the SDK counted in the end: spans by their way out."""
    decoder, at, found = json.JSONDecoder(), output.index("{"), Counter[str]()
    while at < len(output) and output[at] == "{":
        told, end = decoder.raw_decode(output, at)
        found = totals(told)
        at = end + len(output[end:]) - len(output[end:].lstrip())
    return found


def totals(told: Any) -> Counter[str]:
    """Add up the points of one collection."""
    found: Counter[str] = Counter()
    for resource in told["resource_metrics"]:
        for metric in (metric for scope in resource["scope_metrics"] for metric in scope["metrics"]):
            for point in metric["data"]["data_points"]:
                error, status = (point["attributes"].get(name) for name in ("error.type", STATUS))
                if metric["name"] == EXPORTED or (metric["name"] == DROPPED and error == "queue_full"):
                    found["lost" if error else "arrived"] += point["value"]
                elif metric["name"] == EXPORT and status is not None:
                    found[f"refused with {status}"] += point["count"]
    return found


def outcome_of(kind: str) -> Counter[str]:
    """Run the program, to which nothing must happen; give what was counted."""
    with trouble(kind) as endpoint:
        outcome = run(way(endpoint), PROGRAM, str(NUMBER))
    assert outcome.status == 0
    assert outcome.output.startswith(f"{NUMBER}\n")
    return counts(outcome.output) if COUNTED else Counter()


@pytest.mark.parametrize("kind", ["down", "silent"])
def test_an_endpoint_that_does_not_answer_costs_spans_and_nothing_else(kind: str) -> None:
    found = outcome_of(kind)
    assert not COUNTED or (list(found) == ["lost"] and SPANS <= found["lost"] <= SPANS + TOO_MANY)


@pytest.mark.parametrize("status", ["400", "503"])
def test_an_endpoint_that_refuses_costs_spans_and_nothing_else(status: str) -> None:
    found = outcome_of(status)
    # The SDK (1.45) counts spans that a server refuses as exported; only its durations of exports name the status.
    refused = found.pop(f"refused with {status}", 0)
    assert not COUNTED or (refused > 0 and SPANS <= sum(found.values()) <= SPANS + TOO_MANY)


def test_all_that_arrives_and_all_that_is_dropped_are_all_spans() -> None:
    with receiving() as (endpoint, received):
        outcome = run(way(endpoint), PROGRAM, str(NUMBER))
    assert outcome.status == 0
    assert not received.twice()
    if COUNTED:
        found = counts(outcome.output)
        assert found["arrived"] == len(received.ours())
        assert SPANS <= found["arrived"] + found["lost"] <= SPANS + TOO_MANY


def test_a_process_that_is_killed_leaves_whole_spans() -> None:
    with receiving() as (endpoint, received), running(way(endpoint), PROGRAM, str(NUMBER), "forever") as program:
        program.wait_for(str(NUMBER))
        until(lambda: len(received.ours()) > NUMBER, "spans", 30)
        program.signal(signal.SIGKILL)
        assert program.finish().status == -signal.SIGKILL
        assert not received.twice()
        assert {span.name for span in received.ours()} == {"send inproc://orders", "process inproc://orders"}
