"""The demo's three services, each under the launcher, export to a real Jaeger: every order is one trace."""

from __future__ import annotations

import os
import uuid
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from support.programs import exporting, launched, run
from support.waiting import until

from e2e.test_switched_on import PROGRAMS
from otel_eda.demo.broker import broker
from otel_eda.demo.processes import environment, services

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from brokers.spans import Span
    from support.programs import Way

ORDERS = 40
WAIT = 90.0
SEND = ("shop", "PRODUCER", "send orders")
PROCESS = ("payments", "CONSUMER", "process orders")
ANSWER = ("payments", "PRODUCER", "send payments")
SHIP = ("shipping", "CONSUMER", "process payments")
# Each span's path from its root, for an order that was paid, one that was not, and the day's end.
PAID = tuple(
    sorted(
        [
            (SEND,),
            (SEND, PROCESS),
            (SEND, PROCESS, charge := ("payments", "INTERNAL", "process order.placed")),
            (SEND, PROCESS, charge, ANSWER),
            (SEND, PROCESS, charge, ANSWER, SHIP),
            (SEND, PROCESS, charge, ANSWER, SHIP, ("shipping", "INTERNAL", "process payment.taken")),
        ]
    )
)
DECLINED = tuple(
    sorted(
        [
            (SEND,),
            (SEND, PROCESS),
            (SEND, PROCESS, charge),
            (SEND, PROCESS, ANSWER),
            (SEND, PROCESS, ANSWER, SHIP),
            (SEND, PROCESS, ANSWER, SHIP, ("shipping", "INTERNAL", "process payment.failed")),
        ]
    )
)
CLOSED = tuple(
    sorted(
        [
            (SEND,),
            (SEND, PROCESS),
            (SEND, PROCESS, close := ("payments", "INTERNAL", "process day.closed")),
            (SEND, PROCESS, close, ANSWER),
            (SEND, PROCESS, close, ANSWER, SHIP),
        ]
    )
)


class Found:
    """What Jaeger has of a run, told from others by a name in its resource."""

    def __init__(self, jaeger: Jaeger) -> None:
        self.jaeger = jaeger
        self.namespace = uuid.uuid4().hex
        self.start = datetime.now(timezone.utc) - timedelta(seconds=1)

    def traces(self, service: str) -> dict[str, list[Span]]:
        """Give the traces in which the service took part."""
        spans = self.jaeger.find(service, self.start, datetime.now(timezone.utc) + timedelta(minutes=1))
        grouped = defaultdict(list)
        for span in spans:
            if span.resource.get("service.namespace") == self.namespace:
                grouped[span.trace_id].append(span)
        return grouped


def paths(trace: list[Span]) -> list[tuple[tuple[str, str, str], ...]]:
    """Give every span's path from its root; raises `KeyError` for an orphan."""
    index = {span.span_id: span for span in trace}

    def path(span: Span) -> tuple[tuple[str, str, str], ...]:
        above = path(index[span.parent_id]) if span.parent_id else ()
        return (*above, (span.service, span.kind, span.name))

    return sorted(map(path, trace))


@pytest.fixture
def found(jaeger: Jaeger) -> Found:
    return Found(jaeger)


@pytest.fixture
def environ(found: Found) -> dict[str, str]:
    """The demo's environment, but for Jaeger, which takes nothing but traces."""
    given = {**os.environ, "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace={found.namespace}"}
    made = environment(found.jaeger.otlp_http, given)
    return {**made, "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


@pytest.fixture
def written(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """What each service of one day wrote."""
    with broker() as address:
        arguments = ["--broker", address, "--orders", str(ORDERS)]
        with services(environ, arguments, tmp_path) as started:
            consumers = [started.start(name) for name in ("payments", "shipping")]
            until(lambda: started.running() and all(service.ready for service in consumers), "the consumers", WAIT)
            started.start("shop")
            until(lambda: not started.running(), "the day's end", WAIT)
            return {service.name: service.text for service in started.all}


def test_every_order_is_one_trace(written: dict[str, str], found: Found) -> None:
    assert written == {"shop": "", "payments": "ready\n", "shipping": "ready\n"}
    whole = (ORDERS + 1) * len(PAID) - 1
    until(lambda: sum(map(len, found.traces("shop").values())) >= whole, f"{whole} spans in Jaeger", WAIT)
    traces = found.traces("shop")
    assert found.traces("payments").keys() == found.traces("shipping").keys() == traces.keys()
    shapes = Counter(tuple(paths(trace)) for trace in traces.values())
    assert set(shapes) == {PAID, DECLINED, CLOSED}
    assert shapes[CLOSED] == 1
    assert sum(shapes.values()) == ORDERS + 1
    assert not [span.warnings for trace in traces.values() for span in trace if span.warnings]
    assert found.jaeger.services() >= {"shop", "payments", "shipping"}


def test_failures_are_where_they_happened(written: dict[str, str], found: Found) -> None:
    until(lambda: len(found.traces("shipping")) == ORDERS + 1, "every trace in Jaeger", WAIT)
    failed = [span for trace in found.traces("shop").values() for span in trace if span.error]
    assert {(span.service, span.name) for span in failed} == {("payments", "process order.placed")}
    errors = {span.attributes["error.type"] for span in failed}
    assert {error.rpartition(".")[2] for error in errors} == {"CardDeclinedError"}
    assert all(event.attributes["exception.message"] == span.message for span in failed for event in span.events)
    assert all(span.events for span in failed)


@pytest.mark.parametrize(("start", "program"), [(launched, "app.py"), (exporting, "auto.py")])
def test_an_application_of_one_process_is_one_trace(
    kafka: Kafka, topic: str, found: Found, start: Callable[..., Way], program: str
) -> None:
    attributes = f"host.name=here,service.namespace={found.namespace}"
    more = {"OTEL_RESOURCE_ATTRIBUTES": attributes, "OTEL_METRICS_EXPORTER": "none"}
    way = start(found.jaeger.otlp_http, "one", **more)
    assert run(way, PROGRAMS / program, kafka.address, topic).errors == ""
    until(lambda: [trace for trace in found.traces("one").values() if len(trace) == 2], "the trace in Jaeger", WAIT)
    (trace,) = found.traces("one").values()
    send = ("one", "PRODUCER", f"send {topic}")
    assert paths(trace) == [(send,), (send, ("one", "CONSUMER", f"process {topic}"))]
    assert not [span.warnings for span in trace if span.warnings]
