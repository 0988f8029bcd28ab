"""In memory, through each adapter's own functions: many cases each way, and a million by `make soak`."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import TYPE_CHECKING, Any

import aio_pika
import aiormq
import confluent_kafka
import pika
import pika.spec
import pytest
from aiormq.abc import DeliveredMessage
from hypothesis import example, given
from hypothesis import strategies as st
from kafka.consumer.fetcher import ConsumerRecord
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from pamqp.header import ContentHeader

from otel_eda import config
from otel_eda.adapters import _kafka
from otel_eda.adapters.aio_pika import messages as aio_amqp
from otel_eda.adapters.aio_pika import publishing
from otel_eda.adapters.confluent_kafka import messages as confluent
from otel_eda.adapters.confluent_kafka import producer
from otel_eda.adapters.pika import calls
from otel_eda.adapters.pika import messages as amqp
from otel_eda.adapters.pyzmq import known, messages, trailer, wire
from otel_eda.core import Identity, Library, propagation
from otel_eda.core.clients.client import Client
from otel_eda.core.process import processing
from robustness import conftest, hostile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_eda.core import Message

    Put = Callable[[Any, dict[str, str]], Any]

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
        library.telemetry.set_providers(provider, None)
        yield
    library.telemetry.set_providers(None, None)
    assert all(count >= conftest.CASES // conftest.TURNS * conftest.TURNS for count in seen.values())


def processed(message: Message | None) -> None:
    """Process a message; its span must be fit for export."""
    if message is not None:
        processing.begin_processing(client, object(), message, manual=True).end()
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
        propagation.span_context_in(message.headers)
    assert repr(headers) == before


def injected() -> dict[str, str]:
    return propagation.inject(trace.set_span_in_context(NonRecordingSpan(HERE), Context()))


@given(hostile.pairs(), st.integers(-1, hostile.LARGEST), st.integers(-1, hostile.LARGEST))
def test_kafka_records_are_read(headers: list[tuple[str, bytes | None]], offset: int, stamp: int) -> None:
    given = dict.fromkeys(ConsumerRecord._fields)
    given |= {"topic": "t", "partition": 0, "offset": offset, "timestamp": stamp, "timestamp_type": 0}
    for case in hostile.turned(headers, conftest.TURNS):
        record = ConsumerRecord(**{**given, "headers": case, "serialized_value_size": 1})
        read("kafka-python and aiokafka", case, lambda record=record: _kafka.read(record))  # type: ignore[misc]


@given(hostile.pairs(), st.integers(-1001, hostile.LARGEST), st.integers(-1, hostile.LARGEST))
def test_confluent_messages_are_read(headers: list[tuple[str, bytes | None]], offset: int, stamp: int) -> None:
    for case in hostile.turned(headers, conftest.TURNS):
        item = confluent_kafka.Message(
            topic="t", partition=0, offset=offset, value=b"1", headers=case, timestamp=(1, stamp)
        )
        read("confluent-kafka", case, lambda item=item: confluent.read(item))  # type: ignore[misc]


@given(hostile.pairs())
def test_context_is_put_into_kafka_headers(headers: Any) -> None:
    for case in hostile.turned(headers, conftest.TURNS):
        seen["to kafka-python and aiokafka"] += 1
        put_into_kafka_headers(_kafka.with_headers, case)


@given(hostile.pairs(), st.booleans())
def test_context_is_put_into_confluent_headers(headers: Any, as_dict: bool) -> None:
    for case in hostile.turned(headers, conftest.TURNS):
        seen["to confluent-kafka"] += 1
        put_into_kafka_headers(producer.with_headers, dict(case) if as_dict else case)


@pytest.mark.parametrize("headers", [None, [], *hostile.ODD], ids=lambda headers: type(headers).__name__)
@pytest.mark.parametrize("put", [_kafka.with_headers, producer.with_headers], ids=["kafka-python", "confluent-kafka"])
def test_what_are_no_kafka_headers_stay_so(put: Put, headers: Any) -> None:
    put_into_kafka_headers(put, headers)


def put_into_kafka_headers(put: Put, headers: Any) -> None:
    before = repr(headers)
    made = put(headers, injected())
    propagation.span_context_in(headers)
    assert repr(headers) == before
    if not isinstance(headers, (list, type(None)) if put is _kafka.with_headers else (list, dict, type(None))):
        assert made is None
        return
    assert made is not None
    given = [*headers.items()] if isinstance(headers, dict) else headers or []
    assert made[: len(given)] == given
    if all(isinstance(pair, tuple) and len(pair) == 2 for pair in given):
        found = propagation.extract(made)[1]
        assert found is not None
        assert (found.trace_id, found.span_id) == (HERE.trace_id, HERE.span_id)


STAMPS = st.one_of(st.none(), st.integers(0, 2**64 - 1))
DEAD = {"x-death": [{"count": hostile.LARGEST}, {"count": hostile.LARGEST}]}
UNDEAD = {"x-death": [{"count": -hostile.LARGEST}, {"count": -hostile.LARGEST}]}
LATE = {"timestamp_in_ms": -hostile.LARGEST, "x-delivery-count": True}


@given(hostile.TABLES, STAMPS, hostile.TEXTS)
@example(DEAD, 2**64 - 1, "")
@example(UNDEAD, 1, "")
@example(LATE, 0, "")
@example(None, None, "")
def test_pikas_messages_are_read(headers: Any, stamp: int | None, text: str) -> None:
    method = pika.spec.Basic.Deliver("tag", 1, False, "exchange", text)
    for case in hostile.turned(headers, conftest.TURNS):
        properties = pika.BasicProperties(headers=case, timestamp=stamp, correlation_id=text, message_id=text)
        read("pika", case, lambda properties=properties: amqp.read(method, properties))  # type: ignore[misc]


@given(hostile.TABLES, st.none() | st.datetimes(), hostile.TEXTS)
@example(DEAD, None, "")
@example(UNDEAD, None, "")
@example(LATE, datetime.datetime.max, "")
@example(None, datetime.datetime.min, "")
def test_aio_pikas_messages_are_read(headers: Any, stamp: datetime.datetime | None, text: str) -> None:
    method = aiormq.spec.Basic.Deliver("tag", 1, False, "exchange", text)
    for case in hostile.turned(headers, conftest.TURNS):
        properties = aiormq.spec.Basic.Properties(headers=case, timestamp=stamp, correlation_id=text, message_id=text)
        header = ContentHeader(properties=properties)
        item = aio_pika.IncomingMessage(DeliveredMessage(method, header, b"1", None))  # type: ignore[arg-type]
        read("aio-pika", case, lambda item=item: aio_amqp.read(item))  # type: ignore[misc]


@given(hostile.TABLES)
def test_context_is_put_into_pikas_headers(headers: Any) -> None:
    for case in hostile.turned(headers, conftest.TURNS):
        seen["to pika"] += 1
        put_into_pikas_headers(case)


@given(hostile.TABLES)
def test_context_is_put_into_aio_pikas_headers(headers: Any) -> None:
    for case in hostile.turned(headers, conftest.TURNS):
        seen["to aio-pika"] += 1
        put_into_aio_pikas_headers(case)


@pytest.mark.parametrize("headers", [None, {}, *hostile.ODD], ids=lambda headers: type(headers).__name__)
def test_what_are_no_amqp_headers_stay_so(headers: Any) -> None:
    put_into_pikas_headers(headers)
    put_into_aio_pikas_headers(headers)


def put_into_pikas_headers(headers: Any) -> None:
    made = put_into_amqp_headers(calls.with_headers, pika.BasicProperties(headers=headers))
    assert (made is None) is not isinstance(headers, (dict, type(None)))
    if made is not None and encodable(headers):
        assert encodable(made.headers)


def put_into_aio_pikas_headers(headers: Any) -> None:
    message = aio_pika.Message(b"1")
    message.headers = headers
    made = put_into_amqp_headers(publishing.with_headers, message)
    taken = headers is None or (isinstance(headers, dict) and all(isinstance(name, str) for name in headers))
    assert (made is not None) is taken


def put_into_amqp_headers(put: Put, carrier: Any) -> Any:
    headers = carrier.headers
    before = repr(headers)
    made = put(carrier, injected())
    propagation.span_context_in(headers)
    assert repr(headers) == before
    assert carrier.headers is headers
    if made is not None:
        assert {*made.headers} == {*(headers or ()), "traceparent"}
        given = (headers or {}).items()
        assert all(made.headers[name] is value for name, value in given if name != "traceparent")
    return made


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
        one.take_trailer(parts)
        assert parts == ([b"body", case] if one.trailer is None else [b"body"])
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
