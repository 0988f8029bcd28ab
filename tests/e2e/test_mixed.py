"""An event that goes through seven libraries is one trace in Jaeger: the right tree, nothing lost, nothing twice."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from support.mixed import ORDERS, Mixed, promised, tree

if TYPE_CHECKING:
    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from brokers.rabbitmq import RabbitMQ
    from brokers.spans import Span

# What each service receives by, and what it sends by.
SYSTEMS = {
    "shop": {"kafka"},
    "billing": {"kafka"},
    "packing": {"kafka", "rabbitmq"},
    "shipping": {"rabbitmq", "zeromq"},
    "screen": {"zeromq"},
}


def traces(spans: list[Span]) -> list[list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start):
        found[span.trace_id].append(span)
    return list(found.values())


@pytest.mark.timeout(240)
def test_each_order_is_one_trace(kafka: Kafka, rabbitmq: RabbitMQ, jaeger: Jaeger) -> None:
    mixed = Mixed(kafka, rabbitmq, jaeger)
    outcomes = mixed.run()
    assert {service: outcome.status for service, outcome in outcomes.items()} == dict.fromkeys(outcomes, 0)
    found = traces(mixed.spans(ORDERS * len(promised())))
    assert [tree(trace, mixed) for trace in found] == [promised()] * ORDERS
    for trace in found:
        check_whole(trace)
        check_systems(trace, mixed)
        assert jaeger.trace(trace[0].trace_id) == sorted(trace, key=lambda span: span.start)


def check_whole(trace: list[Span]) -> None:
    """Check that no parent is missing, no clock suspected, nothing failed, and each message linked to its send."""
    known = {span.span_id: span for span in trace}
    assert len(known) == len(trace)
    assert [span.name for span in trace if span.parent_id not in {"", *known}] == []
    assert [span.warnings for span in trace if span.warnings] == []
    assert [span.name for span in trace if span.error] == []
    for span in trace:
        if span.kind == "CONSUMER":
            [link] = span.links
            assert (link.trace_id, link.span_id) == (span.trace_id, span.parent_id)
            assert known[span.parent_id].kind == "PRODUCER"
            assert known[span.parent_id].start <= span.start


def check_systems(trace: list[Span], mixed: Mixed) -> None:
    """Check that every hop is by the library that the service uses for it."""
    systems = defaultdict(set)
    for span in trace:
        if "messaging.system" in span.attributes:
            systems[mixed.plain(span.service)].add(span.attributes["messaging.system"])
    assert systems == SYSTEMS
    receivers = {span.attributes.get("code.function.name") for span in trace if span.kind == "INTERNAL"}
    assert receivers == {None, "__main__.keep", "__main__.show"}
