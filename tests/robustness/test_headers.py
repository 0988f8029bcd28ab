"""In memory, through the adapters' own functions: many cases, and a million by `make soak`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pika
import pika.spec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kafka.consumer.fetcher import ConsumerRecord
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_eda import config
from otel_eda.adapters import _amqp, _kafka
from otel_eda.adapters.pika import messages as amqp
from otel_eda.adapters.pyzmq import known, messages, trailer, wire
from otel_eda.core import Identity, Library, propagation, turns
from otel_eda.core.client import Client
from robustness import conftest, hostile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_eda.core import Message

HERE = SpanContext(0x1, 0x2, is_remote=False, trace_flags=TraceFlags(1))
NAME = "0123456789abcdef"
seen: Counter[str] = Counter()


class Kept(SpanProcessor):
    """Keeps the span that ended last."""

    span: ReadableSpan | None = None

    def on_end(self, span: ReadableSpan) -> None:
        self.span = span


class Origin:
    """A client of a library, as far as turns are concerned."""


kept = Kept()
library = Library(name="hostile", package="", distribution="", supported=((0,), (1,)), shapes=(), system="hostile")
origin = Origin()
client = Client(library, origin, Identity())


@pytest.fixture(autouse=True, scope="module")
def recorded() -> Iterator[None]:
    """Have turns recorded by the SDK, and no failure of ours be forgiven."""
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "_current", config.Config(strict=True))
        library.telemetry.use(provider, None)
        yield
    library.telemetry.use(None, None)
    assert sum(seen.values()) > min(conftest.CASES // conftest.TESTS, 1000)


def processed(message: Message | None) -> None:
    """Process a message; its span must be fit for export."""
    if message is not None:
        turns.begin(client, object(), message, by_hand=True).end()
        assert kept.span is not None
        [resource] = encode_spans([kept.span]).resource_spans  # which leaves out what there is no room for
        [encoded] = resource.scope_spans[0].spans
        assert {item.key for item in encoded.attributes} == set(kept.span.attributes or {})


def read(transport: str, headers: Any, reader: Callable[[], Message | None]) -> None:
    """Read a message and process it; its headers must stay what they were."""
    seen[transport] += 1
    before = repr(headers)
    message = reader()
    processed(message)
    if message is not None:
        propagation.carried(message.headers)
    assert repr(headers) == before


def injected() -> dict[str, str]:
    return propagation.inject(trace.set_span_in_context(NonRecordingSpan(HERE), Context()))


@given(hostile.pairs(), st.integers(-1, hostile.LARGEST), st.integers(-1, hostile.LARGEST))
def test_kafka_records_are_read(headers: list[tuple[str, bytes | None]], offset: int, stamp: int) -> None:
    given = dict.fromkeys(ConsumerRecord._fields)
    given |= {"topic": "t", "partition": 0, "offset": offset, "timestamp": stamp, "timestamp_type": 0}
    for case in hostile.turned(headers, conftest.TURNS):
        record = ConsumerRecord(**{**given, "headers": case, "serialized_value_size": 1})
        read("kafka", case, lambda record=record: _kafka.read(record))  # type: ignore[misc]


@given(st.one_of(hostile.pairs(), st.sampled_from(hostile.ODD)))
def test_context_is_put_into_kafka_headers(headers: Any) -> None:
    for case in hostile.turned(headers, conftest.TURNS):
        put_into_kafka_headers(case)


def put_into_kafka_headers(headers: Any) -> None:
    seen["to kafka"] += 1
    before = repr(headers)
    put = _kafka.put(headers, injected())
    propagation.carried(headers)
    assert repr(headers) == before
    if not isinstance(headers, (list, type(None))):
        assert put is None
        return
    assert put is not None
    assert put[: len(headers or ())] == (headers or [])
    found = propagation.extract(put)[1]
    if isinstance(headers, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in headers):
        assert found is not None
        assert (found.trace_id, found.span_id) == (HERE.trace_id, HERE.span_id)


@given(hostile.TABLES, st.one_of(st.none(), st.integers(0, 2**64 - 1)), hostile.TEXTS)
@example({"x-death": [{"count": hostile.LARGEST}, {"count": hostile.LARGEST}]}, 2**64 - 1, "")
@example({"timestamp_in_ms": -hostile.LARGEST, "x-delivery-count": True}, 0, "")
def test_amqp_messages_are_read(headers: Any, stamp: int | None, text: str) -> None:
    method = pika.spec.Basic.Deliver("tag", 1, False, "exchange", text)
    for case in hostile.turned(headers, conftest.TURNS):
        properties = pika.BasicProperties(headers=case, timestamp=stamp, correlation_id=text, message_id=text)
        read("amqp", case, lambda properties=properties: amqp.read(method, properties))  # type: ignore[misc]


@given(st.one_of(hostile.TABLES, st.sampled_from(hostile.ODD)))
def test_context_is_put_into_amqp_headers(headers: Any) -> None:
    for case in hostile.turned(headers, conftest.TURNS):
        put_into_amqp_headers(case)


def put_into_amqp_headers(headers: Any) -> None:
    seen["to amqp"] += 1
    before = repr(headers)
    merged = _amqp.merged(headers, injected())
    propagation.carried(headers)
    assert repr(headers) == before
    if not isinstance(headers, (dict, type(None))):
        assert merged is None
        return
    assert merged is not None
    assert {*merged} == {*(headers or ()), "traceparent"}
    assert all(merged[name] is value for name, value in (headers or {}).items() if name != "traceparent")
    if encodable(headers):
        assert encodable(merged)


def encodable(headers: Any) -> bool:
    """Tell whether the client takes headers."""
    try:
        pika.BasicProperties(headers=headers).encode()
    except Exception:
        return False
    return True


@given(hostile.trailers())
def test_zeromq_messages_are_read(frame: bytes) -> None:
    for case in hostile.turned(frame, conftest.TURNS):
        one = wire.Wire(7, True, "tcp://127.0.0.1:1")
        parts = [b"body", case]
        one.strip(parts)
        assert parts == ([b"body", case] if one.arrived is None else [b"body"])
        read("zeromq", case, lambda one=one: messages.incoming(one))  # type: ignore[misc]


@given(st.dictionaries(st.one_of(hostile.NAMES, st.text()), st.one_of(hostile.TEXTS, st.text())))
def test_context_is_put_into_zeromq_trailers(headers: dict[str, str]) -> None:
    for case in hostile.turned(headers, conftest.TURNS):
        put_into_zeromq_trailer(case)
    assert not known.wires


def put_into_zeromq_trailer(headers: dict[str, str]) -> None:
    number = seen["to zeromq"] = seen["to zeromq"] + 1
    found = trailer.unpack(trailer.pack({**injected(), **headers}, NAME, number, 0))
    assert found is not None
    assert (found.sender, found.sequence) == (NAME, number)
    context, origin = propagation.extract(found.headers)
    if "traceparent" not in {name.lower() for name in headers}:
        assert origin is not None
        assert trace.get_current_span(context).get_span_context() == origin
