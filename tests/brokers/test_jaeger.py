"""What is sent to Jaeger comes back from its API."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode, set_span_in_context

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from .jaeger import Jaeger


def tracer(jaeger: Jaeger, service: str) -> Tracer:
    provider = TracerProvider(resource=Resource({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{jaeger.otlp_http}/v1/traces")))
    return provider.get_tracer("tests")


@pytest.fixture
def trace_id(jaeger: Jaeger) -> str:
    """A trace of a shop that sends to a payments service, which fails."""
    sent = tracer(jaeger, "shop").start_span("send orders", kind=SpanKind.PRODUCER, attributes={"offset": 7})
    handled = tracer(jaeger, "payments").start_span(
        "process orders",
        context=set_span_in_context(sent),
        kind=SpanKind.CONSUMER,
        links=[Link(sent.get_span_context(), {"tags": ["a", "b"]})],
    )
    handled.record_exception(ValueError("no such card"))
    handled.set_status(StatusCode.ERROR, "declined")
    handled.end()
    sent.end()
    return format(sent.get_span_context().trace_id, "032x")


def test_spans_come_back_from_jaeger(jaeger: Jaeger, trace_id: str) -> None:
    sent, handled = jaeger.wait_for(trace_id, 2)
    assert (sent.service, sent.name, sent.kind, sent.parent_id) == ("shop", "send orders", "PRODUCER", "")
    assert (sent.trace_id, sent.attributes, sent.error, sent.warnings) == (trace_id, {"offset": 7}, False, ())
    assert (handled.service, handled.kind, handled.parent_id) == ("payments", "CONSUMER", sent.span_id)
    assert (handled.error, handled.message) == (True, "declined")
    assert sent.start < handled.start < handled.end < sent.end


def test_links_and_events_come_back_from_jaeger(jaeger: Jaeger, trace_id: str) -> None:
    sent, handled = jaeger.wait_for(trace_id, 2)
    (link,), (event,) = handled.links, handled.events
    assert (link.trace_id, link.span_id, link.attributes) == (trace_id, sent.span_id, {"tags": ["a", "b"]})
    assert (event.name, event.attributes["exception.message"]) == ("exception", "no such card")


def test_jaeger_finds_traces_by_service_and_time(jaeger: Jaeger, trace_id: str) -> None:
    jaeger.wait_for(trace_id, 2)
    now = datetime.now(timezone.utc)
    hour = timedelta(hours=1)
    assert {"shop", "payments"} <= jaeger.services()
    assert trace_id in {span.trace_id for span in jaeger.find("payments", now - hour, now)}
    assert jaeger.find("payments", now - 2 * hour, now - hour) == []


def test_waiting_for_too_many_spans_tells_those_there_are(jaeger: Jaeger, trace_id: str) -> None:
    jaeger.wait_for(trace_id, 2)
    with pytest.raises(TimeoutError, match="there are 2: shop: send orders, payments: process orders"):
        jaeger.wait_for(trace_id, 3, timeout=0.1)
    assert jaeger.trace("1" * 32) == []
