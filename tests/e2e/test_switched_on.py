"""Every way to switch it on, each in a process of its own that exports by OTLP/HTTP."""

from __future__ import annotations

import json
import re
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.programs import BARE, exporting, launched, receiving, run

from otel_eda.distro import DEFAULTS, _address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.kafka import Kafka
    from support.programs import Outcome, Received, Way

PROGRAMS = Path(__file__).parent / "programs"
NOWHERE = "otel-eda is on, but spans go nowhere"


class Receiver:
    def __init__(self, endpoint: str, received: Received) -> None:
        self.endpoint = endpoint
        self.received = received

    def flow(self) -> list[tuple[str, str, str]]:
        """Give service, kind and name of every span, and check that it is one flow."""
        sent, processed = self.received.ours()
        assert (processed.trace_id, processed.parent_id) == (sent.trace_id, sent.span_id)
        assert not sent.parent_id
        assert not self.received.twice()
        return [(span.service, span.kind, span.name) for span in (sent, processed)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as (endpoint, received):
        yield Receiver(endpoint, received)


def undisturbed(outcome: Outcome) -> bool:
    """Tell whether the application did what it does, and nobody complained."""
    assert (outcome.status, outcome.output, outcome.errors) == (0, "hello\n", "")
    return True


def expected(topic: str, service: str = "shop") -> list[tuple[str, str, str]]:
    return [(service, "PRODUCER", f"send {topic}"), (service, "CONSUMER", f"process {topic}")]


def test_by_the_launcher(kafka: Kafka, topic: str, receiver: Receiver) -> None:
    assert undisturbed(run(launched(receiver.endpoint, "shop"), PROGRAMS / "app.py", kafka.address, topic))
    assert receiver.flow() == expected(topic)


def test_by_the_first_line(kafka: Kafka, topic: str, receiver: Receiver) -> None:
    way = exporting(receiver.endpoint, "shop")
    assert undisturbed(run(way, PROGRAMS / "auto.py", kafka.address, topic))
    assert receiver.flow() == expected(topic)


def test_by_both_there_is_one_set_of_spans(kafka: Kafka, topic: str, receiver: Receiver) -> None:
    assert undisturbed(run(launched(receiver.endpoint, "shop"), PROGRAMS / "auto.py", kafka.address, topic))
    assert receiver.flow() == expected(topic)


def test_disabled_by_its_name_there_are_no_spans(kafka: Kafka, topic: str, receiver: Receiver) -> None:
    way = launched(receiver.endpoint, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="eda_kafka_python")
    assert undisturbed(run(way, PROGRAMS / "app.py", kafka.address, topic))
    assert receiver.received.all == []


def test_with_the_sdk_disabled_there_are_no_spans(kafka: Kafka, topic: str, receiver: Receiver) -> None:
    way = launched(receiver.endpoint, OTEL_SDK_DISABLED="true")
    assert undisturbed(run(way, PROGRAMS / "app.py", kafka.address, topic))
    assert receiver.received.all == []


def test_without_an_sdk_one_line_says_so(kafka: Kafka, topic: str) -> None:
    outcome = run(BARE, PROGRAMS / "nowhere.py", kafka.address, topic)
    assert (outcome.status, outcome.output) == (0, "hello\n")
    (line,) = outcome.errors.splitlines()
    assert NOWHERE in line
    assert "opentelemetry-instrument" in line


def test_an_sdk_that_comes_later_gets_what_comes_after(kafka: Kafka, topic: str, receiver: Receiver) -> None:
    outcome = run(exporting(receiver.endpoint, "shop"), PROGRAMS / "late.py", kafka.address, topic)
    assert (outcome.status, outcome.output) == (0, "hello\nhello\n")
    assert [NOWHERE in line for line in outcome.errors.splitlines()] == [True]
    (sent,), processed = receiver.received.of("send"), receiver.received.of("process")
    # The second reader reads the topic from its beginning: first the message that nobody traced, and leaves.
    assert [span.attributes["messaging.kafka.offset"] for span in (sent, *processed)] == [1, 0]
    assert {span.service for span in receiver.received.ours()} == {"shop"}


def test_the_launcher_loads_the_metrics_of_the_process() -> None:
    to = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "console"}
    excluded = {"OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS": "system.*"}
    outcome = run(launched("http://127.0.0.1:1", **to, **excluded), PROGRAMS / "settings.py")
    names = set(re.findall(r'"name": "([a-z_.]+)"', outcome.output))
    assert {"process.cpu.time", "process.memory.usage", "process.thread.count", "cpython.gc.collections"} <= names
    assert not {name for name in names if name.startswith("system.")}


def settings(way: Way, *arguments: str) -> tuple[str | None, str | None, str | None]:
    """Give the host's name and address in the resource, and the size of the queue of spans."""
    outcome = run(way, PROGRAMS / "settings.py", *arguments)
    assert (outcome.status, outcome.errors) == (0, "")
    host, ip, queue = json.loads(outcome.output)
    return host, ip, queue


OURS = (socket.gethostname(), _address(), DEFAULTS["OTEL_BSP_MAX_QUEUE_SIZE"])


def test_the_first_line_has_settings_for_messages(receiver: Receiver) -> None:
    assert settings(exporting(receiver.endpoint, OTEL_RESOURCE_ATTRIBUTES=""), "auto") == OURS


def test_the_launcher_has_them_if_asked(receiver: Receiver) -> None:
    plain = {"OTEL_RESOURCE_ATTRIBUTES": ""}
    assert settings(launched(receiver.endpoint, **plain)) == (None, None, None)
    assert settings(launched(receiver.endpoint, **plain, OTEL_PYTHON_DISTRO="eda")) == OURS


def test_what_somebody_has_set_stays(receiver: Receiver) -> None:
    way = launched(receiver.endpoint, OTEL_PYTHON_DISTRO="eda", OTEL_BSP_MAX_QUEUE_SIZE="600")
    assert settings(way) == ("here", "127.0.0.1", "600")


def counted(way: Way, *arguments: str) -> set[str]:
    """Give the names of the SDK's own metrics after a span."""
    outcome = run(way, PROGRAMS / "counted.py", *arguments)
    assert (outcome.status, outcome.errors) == (0, "")
    return set(re.findall(r'"name": "(otel\.sdk\.[a-z_.]+)"', outcome.output))


@pytest.mark.skipif(find_spec("opentelemetry.sdk.trace._tracer_metrics") is None, reason="this SDK does not count")
def test_the_sdk_counts_what_is_dropped_and_not_each_span(receiver: Receiver) -> None:
    losses = {"otel.sdk.processor.span.processed", "otel.sdk.exporter.span.exported"}
    each = {"otel.sdk.span.started"}
    to = {"OTEL_METRICS_EXPORTER": "console"}
    first_line = counted(exporting(receiver.endpoint, **to), "auto")
    by_launcher = counted(launched(receiver.endpoint, **to, OTEL_PYTHON_DISTRO="eda"))
    assert losses <= first_line & by_launcher
    assert not each & (first_line | by_launcher)
    asked = {"OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true"}
    assert losses | each <= counted(launched(receiver.endpoint, **to, **asked, OTEL_PYTHON_DISTRO="eda"))
