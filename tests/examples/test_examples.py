"""Each example runs as its README says, against a real Kafka, and Jaeger then has the traces that it promises."""

from __future__ import annotations

import re
import signal
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import mixed
from support.programs import PATIENCE, launched, run, running
from support.waiting import until

if TYPE_CHECKING:
    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from brokers.rabbitmq import RabbitMQ
    from brokers.spans import Span
    from support.programs import Way

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def tag() -> str:
    """What makes the names of this test's services its own: Jaeger is shared."""
    return uuid.uuid4().hex[:8]


def way(jaeger: Jaeger, service: str, **environ: str) -> Way:
    """Start by the launcher, and send the traces to Jaeger, which takes nothing else."""
    return launched(jaeger.otlp_http, service, OTEL_METRICS_EXPORTER="none", **environ)


def spans_of(jaeger: Jaeger, service: str, count: int) -> list[Span]:
    """Wait until Jaeger has that many spans in the traces of a service."""
    seen: list[Span] = []

    def probe() -> bool:
        now = datetime.now(timezone.utc)
        seen[:] = jaeger.find(service, now - timedelta(minutes=10), now + timedelta(minutes=1))
        return len(seen) >= count

    until(probe, f"{count} spans of {service}", PATIENCE)
    return seen


def check_whole(spans: list[Span]) -> dict[str, Span]:
    """Check that no span's parent is missing, and that Jaeger warns of none; gives the spans by their ids."""
    known = {span.span_id: span for span in spans}
    assert [span.name for span in spans if span.parent_id and span.parent_id not in known] == []
    assert [span.warnings for span in spans if span.warnings] == []
    return known


def tree(spans: list[Span], tag: str) -> list[str]:
    """Draw the traces, each span under its parent, without what differs from run to run."""
    lines: list[str] = []

    def grow(parent: str, depth: int) -> None:
        for span in spans:
            if span.parent_id == parent:
                error = f"  {span.attributes['error.type']}" if span.error else ""
                service = span.service.removesuffix(f"-{tag}")
                lines.append(f"{'  ' * depth}{service}: {re.sub(r'topic-[0-9a-f]+', 'T', span.name)}{error}")
                grow(span.span_id, depth + 1)

    grow("", 0)
    return lines


def test_events(kafka: Kafka, jaeger: Jaeger, tag: str) -> None:
    orders, packed = kafka.topic(), kafka.topic()
    folder = EXAMPLES / "events"
    shop, warehouse = f"shop-{tag}", f"warehouse-{tag}"
    topics = "--broker", kafka.address, "--orders", orders
    at_work = way(jaeger, warehouse, OTEL_EDA_REGISTRIES="events:EventHandler")
    with running(at_work, folder / "warehouse.py", *topics, "--packed", packed) as program:
        placed = run(way(jaeger, shop), folder / "shop.py", *topics)
        program.wait_for("order 3: packed")
        spans = spans_of(jaeger, shop, 13)  # the last event's too, which prints nothing
        program.signal(signal.SIGINT)
        done = program.finish()
    assert (placed.status, placed.errors) == (0, "")
    assert done.status == 0
    assert done.output.splitlines() == ["order 1: packed", "order 3: packed", "closed"]
    # What the client itself says when it is interrupted in a poll comes after it.
    assert "OutOfStockError: 1 unicorn wanted, 0 there" in done.errors.splitlines()
    assert done.errors.count("Traceback") == 1
    known = check_whole(spans)
    arrived = ["shop: send T", "  warehouse: process T"]
    handled = [*arrived, "    warehouse: process order_placed"]
    sent_on = [*handled, "      warehouse: send T"]
    failed = [*arrived, f"{handled[2]}  __main__.OutOfStockError"]
    assert tree(spans, tag) == [*sent_on, *failed, *sent_on, *arrived]
    processed = [span for span in spans if span.kind == "CONSUMER"]
    assert [span.attributes["messaging.kafka.offset"] for span in processed] == [0, 1, 2, 3]
    for span in processed:
        assert [(link.trace_id, link.span_id) for link in span.links] == [(span.trace_id, span.parent_id)]
    handlers = [span for span in spans if span.kind == "INTERNAL"]
    assert {known[span.parent_id].kind for span in handlers} == {"CONSUMER"}
    assert {span.attributes["code.function.name"] for span in handlers} == {"__main__.Warehouse.pack"}
    assert [event.attributes["exception.message"] for span in handlers for event in span.events] == [
        "1 unicorn wanted, 0 there"
    ]
    assert [(event.name, event.attributes) for event in processed[3].events] == [
        ("eda.event.unhandled", {"eda.event.type": "shop_closed"})
    ]


@pytest.mark.parametrize("folder", ["events", "mixed", "retry", "partitions"])
def test_the_programs_know_nothing_of_telemetry(folder: str) -> None:
    paths = list((EXAMPLES / folder).glob("*.py"))
    assert paths
    for path in paths:
        assert not re.search(r"telemetry|otel", path.read_text(), re.IGNORECASE)


def test_by_hand(kafka: Kafka, jaeger: Jaeger, tag: str) -> None:
    count, service = 12, f"thumbnails-{tag}"
    options = "--broker", kafka.address, "--topic", kafka.topic(), "--count", count
    done = run(way(jaeger, service), EXAMPLES / "by_hand" / "thumbnails.py", *options)
    assert (done.status, done.errors) == (0, "")
    assert sorted(done.output.splitlines()) == sorted(f"{number}.jpg: done" for number in range(1, count))
    spans = spans_of(jaeger, service, 2 * count)
    check_whole(spans)
    lines = ["thumbnails: send T", "  thumbnails: process T"]
    assert tree(spans, tag) == [*lines * (count - 1), lines[0], f"{lines[1]}  ValueError"]
    processed = [span for span in spans if span.kind == "CONSUMER"]
    for span in processed:
        assert span.end - span.start >= 100_000_000  # the thread's work, not the loop's
    assert max(span.start for span in processed[:4]) < min(span.end for span in processed[:4])  # at the same time


@pytest.mark.timeout(240)
def test_mixed(kafka: Kafka, rabbitmq: RabbitMQ, jaeger: Jaeger) -> None:
    run_of = mixed.Mixed(kafka, rabbitmq, jaeger)
    outcomes = run_of.run()
    assert {service: outcome.status for service, outcome in outcomes.items()} == dict.fromkeys(outcomes, 0)
    assert {service: outcome.output.splitlines() for service, outcome in outcomes.items()} == {
        "shop": ["order 1: ale", "order 2: bread", "order 3: cheese"],
        "billing": [f"order {number}: billed" for number in (1, 2, 3)],
        "packing": [f"order {number}: packed" for number in (1, 2, 3)],
        "shipping": [f"order {number}: shipped" for number in (1, 2, 3)],
        "screen": [
            f"hall: order {number}, {item}, is on its way" for number, item in enumerate(("ale", "bread", "cheese"), 1)
        ],
    }
    promised = mixed.promised()
    spans = run_of.spans(mixed.ORDERS * len(promised))
    check_whole(spans)
    assert sorted(mixed.tree(spans, run_of)) == sorted(promised * mixed.ORDERS)
