"""Whatever another program put into a message's headers and properties, reading them fails nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pika import BasicProperties, spec
from support.times import times

from otel_eda import semconv
from otel_eda.adapters import _rabbitmq
from otel_eda.adapters.pika import calls, messages
from otel_eda.core import propagation

INT64 = st.integers(-(2**63), 2**63 - 1)
LEAVES = (
    st.none() | st.booleans() | INT64 | st.floats() | st.text() | st.binary() | st.datetimes() | st.just(Decimal("1.5"))
)
NAMES = st.text(max_size=8) | st.sampled_from(
    ["traceparent", "tracestate", "baggage", "x-death", "x-delivery-count", "timestamp_in_ms", "count", "reason"]
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
TABLES = st.none() | st.dictionaries(NAMES, VALUES, max_size=5)
TEXTS = st.none() | st.text(max_size=10)
ATTRIBUTES = (str, bool, int, float)


WORDS = st.text(max_size=5)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[Any, Any]:
    """Give what a broker may deliver."""
    method = spec.Basic.Deliver("consumer", draw(st.integers(0, 2**63 - 1)), False, draw(WORDS), draw(WORDS))
    stamp = draw(st.none() | st.integers(0, 2**64 - 1))
    named = {"message_id": draw(TEXTS), "correlation_id": draw(TEXTS)}
    return method, BasicProperties(headers=draw(TABLES), timestamp=stamp, **named)


@settings(max_examples=times(300))
@given(delivery=deliveries(), queue=WORDS)
def test_any_delivery_can_be_read(delivery: tuple[Any, Any], queue: str) -> None:
    method, properties = delivery
    before = repr(properties)
    message = messages.read(method, properties, queue, unsettled=True)
    assert message.destination
    assert message.destination == _rabbitmq.destination(method.exchange, method.routing_key, queue)
    assert all(type(value) in ATTRIBUTES for value in (message.attributes or {}).values())
    assert message.timestamp is None or 0 <= message.timestamp < 2**63
    assert abs((message.attributes or {}).get(semconv.DEATHS, 0)) < 2**63
    propagation.extract(message.headers)
    assert repr(properties) == before


@settings(max_examples=times(150))
@given(headers=TABLES, more=st.dictionaries(st.sampled_from(["traceparent", "tracestate", "baggage"]), st.text()))
def test_any_headers_are_copied_with_more(headers: Any, more: dict[str, str]) -> None:
    properties, before = BasicProperties(headers=headers, priority=3), repr(headers)
    made = calls.with_headers(properties, more)
    assert repr(properties.headers) == before
    assert made is not properties
    assert (type(made), made.priority) == (BasicProperties, 3)
    assert {*made.headers} == {*(headers or {}), *more}
    for name, value in made.headers.items():
        given_ = (headers or {}).get(name)
        ours = name in more and isinstance(given_, (str, bytes, type(None)))
        assert value is (more[name] if ours else given_)


def test_properties_of_a_subclass_stay_one() -> None:
    class Own(BasicProperties):  # type: ignore[misc]
        """An application's own."""

    made = calls.with_headers(Own(message_id="1"), {"traceparent": "x"})
    assert (type(made), made.message_id, made.headers) == (Own, "1", {"traceparent": "x"})
