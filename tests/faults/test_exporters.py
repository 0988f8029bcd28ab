"""Nobody takes the telemetry, or slowly, or not without complaint: the application does not notice."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from support.programs import launched, receiving, run
from support.threads import beside

from faults.conftest import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from brokers.kafka import Kafka
    from conftest import Topics
    from support.programs import Way

COUNT = 2000
HOST = "127.0.0.1"
TIMEOUT = 1  # seconds that the SDK's exporters may take for a request
SLACK = 10.0  # seconds in which another process on a busy machine may get in between
EXITS = 25.0  # seconds: two exporters give up, one after the other, and the interpreter starts and ends


@contextmanager
def down() -> Iterator[str]:
    """Nobody listens."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # so that nobody else does
        yield f"http://{HOST}:{taken.getsockname()[1]}"


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # an exporter that gave up and left
            pass

    asked: list[str] = []
    with Server((HOST, 0), Handler) as server:
        server.block_on_close = False
        with beside(partial(server.serve_forever, 0.05), server.shutdown):
            yield f"http://{HOST}:{server.server_port}"
    assert asked


def slow() -> AbstractContextManager[str]:
    """It never answers in time."""
    return serving(lambda _: time.sleep(3 * TIMEOUT))


def refusing() -> AbstractContextManager[str]:
    """It wants nothing of it."""
    return serving(lambda request: request.send_error(400))


def hesitating() -> AbstractContextManager[str]:
    """It wants nothing of it, and takes its time to say so."""

    def hesitate(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)  # so long that the queue is full meanwhile, so short that there are answers before the end
        request.send_error(400)

    return serving(hesitate)


def overloaded() -> AbstractContextManager[str]:
    """It wants it later."""
    return serving(lambda request: request.send_error(503))


def babbling() -> AbstractContextManager[str]:
    """It does not speak HTTP."""

    def babble(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"\0\1\2")

    return serving(babble)


def traffic(way: Way, kafka: Kafka, topic: str) -> tuple[int, str, float, float]:
    """Give the status, what was read last, how long the work took, and the whole process, in seconds."""
    start = time.monotonic()
    outcome = run(way, PROGRAMS / "traffic.py", kafka.address, topic, COUNT)
    last, took = outcome.output.split()
    return outcome.status, last, float(took), time.monotonic() - start


@pytest.mark.parametrize("endpoint", [down, slow, refusing, overloaded, babbling], ids=lambda way: way.__name__)
def test_the_application_does_not_notice(
    kafka: Kafka, topics: Topics, endpoint: Callable[[], AbstractContextManager[str]]
) -> None:
    with receiving() as (url, received):
        *usual, took, _ = traffic(launched(url), kafka, topics())
    with endpoint() as url:
        *outcome, work, whole = traffic(launched(url, OTEL_EXPORTER_OTLP_TIMEOUT=str(TIMEOUT)), kafka, topics())
    assert outcome == usual == [0, f"b'{COUNT - 1}'"]
    assert len(received.of("send")) == len(received.of("process")) == COUNT
    assert work <= 3 * took + SLACK
    assert whole <= work + EXITS


def test_the_sdk_counts_what_it_drops(kafka: Kafka, topics: Topics) -> None:
    settings = {"OTEL_PYTHON_DISTRO": "eda", "OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8"}
    with hesitating() as url:
        way = launched(url, **settings, OTEL_METRICS_EXPORTER="console")
        outcome = run(way, PROGRAMS / "traffic.py", kafka.address, topics(), COUNT)
    found = points(outcome.output, "otel.sdk.processor.span.processed")
    assert max(found["queue_full"]) > COUNT
    assert points(outcome.output, "otel.sdk.exporter.span.exported")


def points(output: str, name: str) -> dict[str | None, list[int]]:
    """Give the values of a metric that the console exporter wrote, by `error.type`."""
    found: dict[str | None, list[int]] = {}
    decoder = json.JSONDecoder()
    for match in re.finditer(r"^\{\n", output, re.MULTILINE):
        written, _ = decoder.raw_decode(output, match.start())
        metrics = [
            metric
            for resource in written.get("resource_metrics", ())
            for scope in resource["scope_metrics"]
            for metric in scope["metrics"]
        ]
        for metric in metrics:
            for point in metric["data"]["data_points"] if metric["name"] == name else ():
                found.setdefault(point["attributes"].get("error.type"), []).append(point["value"])
    return found
