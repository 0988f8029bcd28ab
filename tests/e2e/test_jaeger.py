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

ORDERS = 80
WAIT = 90.0
SEND = ("shop", "PRODUCER", "send orders")
PROCESS = ("payments", "CONSUMER", "process orders")
ANSWER = ("payments", "PRODUCER", "send payments")
SHIP = ("shipping", "CONSUMER", "process payments")
# Each span's path from its root, for an order that was paid, one that was not, one that broke its handler at each of
# three tries, and the day's end. One that was paid breaks shipping.
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
BROKEN = tuple(sorted([*DECLINED, *[(SEND, PROCESS), (SEND, PROCESS, charge)] * 2]))
CLOSED = tuple(
    sorted(
        [
            (SEND,),
            (SEND, PROCESS),
            (SEND, PROCESS, close := ("payments", "INTERNAL", "process day.closed")),
            (SEND, PROCESS, close, ANSWER),
            (SEND, PROCESS, close, ANSWER, SHIP),
            (SEND, PROCESS, close, ANSWER, SHIP, ("shipping", "INTERNAL", "process day.closed")),
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


def plain(text: str) -> list[str]:
    """Give what a service wrote, without where in the code its errors came from, and without the day's sum."""
    return [line for line in text.splitlines() if not line.startswith((" ", "postage "))]


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
    complaint = ["ERROR:root:an event was not handled", "Traceback (most recent call last):"]
    assert {service: plain(text) for service, text in written.items()} == {
        "shop": [],
        "payments": ["ready", *[*complaint, "KeyError: 'card'"] * 3],
        "shipping": ["ready", *complaint, "KeyError: 'IS'"],
    }
    whole = ORDERS * len(PAID) + len(BROKEN) - len(PAID) + len(CLOSED)
    until(lambda: sum(map(len, found.traces("shop").values())) >= whole, f"{whole} spans in Jaeger", WAIT)
    traces = found.traces("shop")
    assert found.traces("payments").keys() == found.traces("shipping").keys() == traces.keys()
    shapes = Counter(tuple(paths(trace)) for trace in traces.values())
    assert set(shapes) == {PAID, DECLINED, BROKEN, CLOSED}
    assert shapes[CLOSED] == shapes[BROKEN] == 1
    assert sum(shapes.values()) == ORDERS + 1
    assert not [span.warnings for trace in traces.values() for span in trace if span.warnings]
    assert found.jaeger.services() >= {"shop", "payments", "shipping"}


def test_failures_are_where_they_happened(written: dict[str, str], found: Found) -> None:
    until(lambda: len(found.traces("shipping")) == ORDERS + 1, "every trace in Jaeger", WAIT)
    failed = [span for trace in found.traces("shop").values() for span in trace if span.error]
    bodies = Counter((span.service, span.name) for span in failed if span.kind == "CONSUMER")
    assert bodies == {("payments", "process orders"): 3, ("shipping", "process payments"): 1}
    handlers = [span for span in failed if span.kind == "INTERNAL"]
    assert len(handlers) + bodies.total() == len(failed)
    assert {(span.service, span.name, span.attributes["error.type"].rpartition(".")[2]) for span in handlers} == {
        ("payments", "process order.placed", "CardDeclinedError"),
        ("payments", "process order.placed", "KeyError"),
        ("shipping", "process payment.taken", "KeyError"),
    }
    assert all(event.attributes["exception.message"] == span.message for span in handlers for event in span.events)
    assert all(span.events for span in handlers)


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
