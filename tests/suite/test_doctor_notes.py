"""What the doctor says of what it cannot see, in programs that are run for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_eda.doctor.inspection import of_command
from otel_eda.doctor.report import notes, problems, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.status import Status

    Run = Callable[[str], Status]

LOOP = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import otel_eda
from core import adapter
from core.tinyqueue import Consumer, Queue
adapter.library().enable()
queue, kept = Queue(), []
queue.fill("orders", *range(50))
"""
HANDED_ON = "for record in Consumer(queue, 'orders'): kept.append(record)"
PULLED = """
consumer = Consumer(queue, "orders")
while (record := next(consumer, None)) is not None: kept.append(record)
consumer.close()
"""
DROPPED = "for record in Consumer(queue, 'orders'): pass"
SLOW = "for record in Consumer(queue, 'orders'): kept.append(record); time.sleep(0.002)"
BATCH = "for record in Consumer(queue, 'orders').poll()['orders']: pass"
BY_HAND = "for record in Consumer(queue, 'orders'):\n    with otel_eda.process(record): kept.append(record)"
NEWER = """
from importlib import metadata
real = metadata.version
metadata.version = lambda name: "99.1" if name == "blinker" else real(name)
import blinker
"""


REGISTRY = """
import otel_eda
@otel_eda.registry
class Bus:
    def register(self, event_type, handler): pass
    def handle(self, event): pass
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a program as the doctor does, with modules that are called like some clients beside it."""
    for signal in ("TRACES", "METRICS", "LOGS"):
        monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "none")
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "taskiq")  # its own, which imports it
    for name in ("stomp", "nats", "paho"):
        (tmp_path / f"{name}.py").touch()

    def examined(source: str) -> Status:
        file = tmp_path / "program.py"
        file.write_text(source)
        status = of_command([sys.executable, str(file)])
        status["endpoint"] = {"exporter": "none", "address": None, "answers": None, "why": "not an OTLP exporter"}
        status["notes"], status["problems"] = notes(status), problems(status)
        return status

    return examined


def test_a_program_that_imports_nothing_it_knows_has_a_problem(run: Run) -> None:
    (problem,) = run("print('done')")["problems"]
    assert problem == "the program has imported no library that otel-eda knows, and named no registry of handlers"


@pytest.mark.parametrize("source", ["import blinker", REGISTRY])
def test_one_that_does_has_none(source: str, run: Run) -> None:
    assert run(source)["problems"] == []


def test_what_carries_messages_and_is_not_covered_is_named(run: Run) -> None:
    status = run("import blinker, stomp, paho")
    (note,) = status["notes"]
    assert note.startswith("stomp.py carries messages and is not covered: ")
    assert f"\nNotes\n  - {note}\n" in text(status)
    assert status["problems"] == []


def test_what_a_covered_library_stands_on_is_covered(run: Run) -> None:
    assert run("import aio_pika")["notes"] == []


@pytest.mark.parametrize("body", [HANDED_ON, PULLED])
def test_code_that_only_hands_messages_on_is_named(body: str, run: Run) -> None:
    (note,) = run("import blinker\n" + LOOP + body)["notes"]
    assert note.startswith("the code that gets messages of orders takes ")
    assert "with otel_eda.process(message)" in note


@pytest.mark.parametrize("body", [DROPPED, SLOW, BATCH, BY_HAND])
def test_other_code_is_not(body: str, run: Run) -> None:
    assert run("import blinker\n" + LOOP + body)["notes"] == []


def test_a_newer_version_is_named(run: Run) -> None:
    (note,) = run(NEWER)["notes"]
    assert note.startswith("blinker: version 99.1 is newer than the versions that are tested (from 1.6, before 2)")


MESSAGES = """
import zmq
context = zmq.Context()
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
pull.bind("inproc://orders")
push.connect("inproc://orders")
for _ in range(3):
    push.send(b"order")
for _ in range(2):
    pull.recv()
context.destroy(0)
"""


def test_the_messages_that_each_operation_has_seen_are_counted(run: Run) -> None:
    status = run(MESSAGES)
    (pyzmq,) = [library for library in status["libraries"] if library["messages"]]
    assert (pyzmq["name"], pyzmq["messages"]) == ("pyzmq", {"send": 3, "recv": 2})
    assert "\n    messages: send 3, recv 2\n" in text(status)


@pytest.mark.parametrize(
    ("given", "spans", "metrics"),
    [
        ({}, "TracerProvider, light spans", "MeterProvider, durations counted"),
        (
            {
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
                "OTEL_PYTHON_DISTRO": "distro",
            },
            "TracerProvider, light spans",
            "MeterProvider, each duration recorded by the SDK",
        ),
    ],
    ids=["usual", "exponential"],
)
def test_how_cheaply_spans_and_durations_are_recorded(
    given: dict[str, str], spans: str, metrics: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for signal in ("TRACES", "METRICS"):
        monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")  # nobody is there
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    told = text(run(MESSAGES))
    assert f"{spans}\n" in told
    assert f"{metrics}\n" in told
