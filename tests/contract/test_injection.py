"""`inject` and `extract`, for what no library of ours carries."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from support.spans import told

import otel_eda

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import SpanContext

SHAPES: dict[str, Any] = {
    "dict": {"a": "1"},
    "empty dict": {},
    "list": [("a", b"1"), ("a", b"2")],
    "empty list": [],
}


@pytest.fixture
def current() -> Iterator[SpanContext]:
    provider = TracerProvider(shutdown_on_exit=False)
    with provider.get_tracer("application").start_as_current_span("ambient") as span:
        yield span.get_span_context()


@pytest.mark.parametrize("headers", SHAPES.values(), ids=SHAPES)
def test_inject_gives_a_copy_with_the_context(headers: Any, current: SpanContext) -> None:
    before = copy.deepcopy(headers)
    given = otel_eda.inject(headers)
    assert headers == before
    assert given is not headers
    assert type(given) is type(headers)
    names = [name for name, _ in (given.items() if isinstance(given, dict) else given)]
    assert names == [*(name for name, _ in (before.items() if isinstance(before, dict) else before)), "traceparent"]


def test_inject_writes_text_into_a_dict_and_bytes_into_a_list(current: SpanContext) -> None:
    text, octets = otel_eda.inject({})["traceparent"], dict(otel_eda.inject([]))["traceparent"]
    assert text.encode() == octets
    assert told(octets) == (current.trace_id, current.span_id)


@pytest.mark.parametrize("headers", SHAPES.values(), ids=SHAPES)
def test_extract_reads_what_inject_wrote(headers: Any, current: SpanContext) -> None:
    with_baggage = context.attach(baggage.set_baggage("customer", "7"))
    given = otel_eda.inject(headers)
    context.detach(with_baggage)
    found = otel_eda.extract(given)
    inner = trace.get_current_span(found).get_span_context()
    assert (inner.trace_id, inner.span_id) == (current.trace_id, current.span_id)
    assert baggage.get_baggage("customer", found) == "7"


@pytest.mark.parametrize(
    "headers",
    [{}, [], None, {"traceparent": "nonsense"}, [("traceparent", b"\xff")], [("traceparent", None)], [("a", b"\xff")]],
    ids=str,
)
def test_extract_of_nothing_useful_gives_no_span(headers: Any) -> None:
    assert not trace.get_current_span(otel_eda.extract(headers)).get_span_context().is_valid


def test_what_is_extracted_precedes_what_is_current(current: SpanContext) -> None:
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    found = trace.get_current_span(otel_eda.extract(headers)).get_span_context()
    assert found.span_id == 0xB7AD6B7169203331
