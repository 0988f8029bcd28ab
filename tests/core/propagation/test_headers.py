"""Context goes into headers and comes out of them, whatever else they hold."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_eda.core import propagation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.propagators.textmap import TextMapPropagator

ORIGIN = SpanContext(0xA, 0xB, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("k", "v")]))
OTHER = "00-0000000000000000000000000000000c-000000000000000d-01"
GOOD = "00-0000000000000000000000000000000a-000000000000000b-01"


PLAIN = set_span_in_context(NonRecordingSpan(SpanContext(0xA, 0xB, True, TraceFlags(1))), Context())


def context() -> Context:
    return baggage.set_baggage("who", "me & you", set_span_in_context(NonRecordingSpan(ORIGIN), Context()))


@contextmanager
def propagating(propagator: TextMapPropagator) -> Iterator[None]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(propagator)
    try:
        yield
    finally:
        propagate.set_global_textmap(before)


def w3c() -> TextMapPropagator:
    return TraceContextTextMapPropagator()


def composite() -> TextMapPropagator:
    return CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


PROPAGATORS = pytest.mark.parametrize("make", [w3c, composite, B3SingleFormat, B3MultiFormat])
SHAPES = pytest.mark.parametrize(
    "shape",
    [
        lambda headers: headers,
        lambda headers: list(headers.items()),
        lambda headers: tuple(headers.items()),
        lambda headers: [(name, value.encode()) for name, value in headers.items()],
        lambda headers: [(name.encode(), value.encode()) for name, value in headers.items()],
        lambda headers: [(name.upper(), bytearray(value.encode())) for name, value in headers.items()],
        lambda headers: iter([(name, memoryview(value.encode())) for name, value in headers.items()]),
    ],
    ids=["a dict", "pairs", "a tuple", "bytes", "bytes named in bytes", "upper case, a bytearray", "memory, once"],
)


@PROPAGATORS
@SHAPES
@pytest.mark.parametrize("given_", [PLAIN, context()], ids=["plain", "with more"])
def test_what_goes_in_comes_out(make: Any, shape: Any, given_: Context) -> None:
    with propagating(make()):
        found, origin = propagation.extract(shape(propagation.inject(given_)))
    assert origin is not None
    assert (origin.trace_id, origin.span_id, origin.trace_flags) == (0xA, 0xB, 1)
    assert trace.get_current_span(found).get_span_context() == origin


@PROPAGATORS
def test_headers_that_carry_a_context_are_known_by_the_propagator_of_now(make: Any) -> None:
    with propagating(make()):
        headers = propagation.inject(context())
        found = propagation.span_context_in([(name.title(), value.encode()) for name, value in headers.items()])
    assert found is not None
    assert (found.trace_id, found.span_id) == (0xA, 0xB)


@PROPAGATORS
def test_headers_without_a_context_carry_none(make: Any) -> None:
    with propagating(make()):
        for headers in (None, [], {}, [("a", b"1")], {"a": "1"}):
            assert propagation.span_context_in(headers) is None
            assert propagation.extract(headers) == (Context(), None)


HEXADECIMAL = st.text("0123456789abcdefABCDEF", min_size=15, max_size=33)
PARENTS = st.one_of(
    st.tuples(
        st.sampled_from(["00", "01", "ff", "0"]),
        HEXADECIMAL | st.integers(0, 3).map("{:032x}".format),
        HEXADECIMAL | st.integers(0, 3).map("{:016x}".format),
        st.sampled_from(["00", "01", "03", "ff", "0G", "1"]),
    ).map("-".join),
    st.builds("{}{}{}".format, st.sampled_from(["", " ", "\t"]), st.just(GOOD), st.sampled_from(["", " ", "\n", "-"])),
)
BESIDE = st.dictionaries(st.sampled_from(["tracestate", "baggage", "other"]), st.sampled_from(["a=1", "", "=,="]))


@given(PARENTS, BESIDE, st.booleans())
def test_what_is_read_in_one_step_is_what_the_default_propagators_read(
    parent: str, beside: dict[str, str], encoded: bool
) -> None:
    headers = {"traceparent": parent, **beside}
    with propagating(composite()):
        expected = propagate.extract(headers, Context())
        found, origin = propagation.extract(
            [(name, value.encode() if encoded else value) for name, value in headers.items()]
        )
    assert trace.get_current_span(found).get_span_context() == trace.get_current_span(expected).get_span_context()
    assert baggage.get_all(found) == baggage.get_all(expected)
    assert (origin is not None) == trace.get_current_span(expected).get_span_context().is_valid


@given(st.integers(0, 2**128), st.integers(0, 2**64), st.integers(0, 255), st.booleans(), st.booleans())
def test_what_is_written_in_one_step_is_what_the_default_propagators_write(
    trace_id: int, span_id: int, flags: int, state: bool, more: bool
) -> None:
    states = TraceState([("k", "v")]) if state else None
    span = NonRecordingSpan(SpanContext(trace_id, span_id, False, TraceFlags(flags), states))
    given_ = set_span_in_context(span, Context())
    given_ = baggage.set_baggage("who", "me", given_) if more else given_
    expected: dict[str, str] = {}
    with propagating(composite()):
        propagate.inject(expected, given_)
        assert propagation.inject(given_) == expected


def test_somebodys_own_propagator_is_asked_whatever_it_derives_from() -> None:
    class Own(TraceContextTextMapPropagator):
        def extract(self, *_: Any, **__: Any) -> Context:
            return Context()

        def inject(self, carrier: Any, *_: Any, **__: Any) -> None:
            carrier["own"] = "1"

    for make in (Own, lambda: CompositePropagator([Own(), W3CBaggagePropagator()])):
        with propagating(make()):
            assert propagation.extract({"traceparent": GOOD}) == (Context(), None)
            for given_ in (PLAIN, context()):
                assert propagation.inject(given_)["own"] == "1"


def test_baggage_and_trace_state_arrive() -> None:
    with propagating(composite()):
        found, origin = propagation.extract(propagation.inject(context()))
    assert baggage.get_all(found) == {"who": "me & you"}
    assert origin is not None
    assert origin.trace_state.to_header() == "k=v"


def test_baggage_arrives_without_a_span() -> None:
    with propagating(composite()):
        found, origin = propagation.extract([("baggage", b"who=me")])
    assert (baggage.get_all(found), origin) == ({"who": "me"}, None)


def test_nothing_is_injected_of_an_empty_context() -> None:
    assert propagation.inject(Context()) == {}


def test_what_is_current_does_not_get_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with trace.use_span(NonRecordingSpan(ORIGIN)):
        assert propagation.extract({"a": "b"}) == (Context(), None)


@pytest.mark.parametrize("name", ["ce_traceparent", "ce-traceparent", "cloudEvents:traceparent", "CE_TraceParent"])
@pytest.mark.parametrize("value", [GOOD, GOOD.encode()], ids=["str", "bytes"])
def test_cloudevents_spellings_are_read(name: str, value: object) -> None:
    origin = propagation.extract([(name, value)])[1]
    assert origin is not None
    assert (origin.trace_id, origin.span_id) == (0xA, 0xB)
    assert propagation.span_context_in([(name, value)]) == origin


@pytest.mark.parametrize("reverse", [False, True])
def test_the_transports_own_headers_come_before_cloudevents(reverse: bool) -> None:
    headers = [("traceparent", GOOD), ("ce_traceparent", OTHER)]
    origin = propagation.extract(headers[::-1] if reverse else headers)[1]
    assert origin is not None
    assert origin.trace_id == 0xA


@pytest.mark.parametrize(
    ("values", "trace_id"),
    [
        ((OTHER, GOOD), 0xA),
        ((GOOD, OTHER), 0xC),
        ((GOOD, "nonsense"), 0xA),
        ((GOOD, "nonsense", b"\xff", None), 0xA),
        ((OTHER, GOOD, "nonsense"), 0xA),
        (("nonsense", GOOD), 0xA),
    ],
)
def test_of_repeated_headers_the_last_that_makes_sense_counts(values: tuple[Any, ...], trace_id: int) -> None:
    headers = [("a", b"1"), *(("traceparent", value) for value in values), ("b", b"2"), ("c", b"3")]
    origin = propagation.extract(headers)[1]
    assert origin is not None
    assert origin.trace_id == trace_id


def test_repeated_headers_of_no_sense_carry_nothing() -> None:
    assert propagation.extract([("traceparent", "nonsense")] * 3)[1] is None


def test_a_header_that_is_repeated_without_end_costs_little() -> None:
    hostile = [("traceparent", b"nonsense")] * 10_000
    start = time.process_time()
    assert propagation.extract(hostile)[1] is None
    assert time.process_time() - start < 1


VALUES = st.one_of(
    st.none(),
    st.text(max_size=60),
    st.binary(max_size=60),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.lists(st.text(), max_size=2),
    st.sampled_from(
        [GOOD, GOOD.encode(), GOOD.upper(), "ff-" + GOOD[3:], GOOD + "-more", "who=me", "%zz=\x00", ",;=,"]
    ),
)
NAMES = st.one_of(
    st.sampled_from(["traceparent", b"traceparent", "tracestate", "baggage", "Baggage", "ce_traceparent", "b3"]),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.none(),
    st.integers(),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_headers_of_any_content_are_read_without_raising(headers: list[tuple[Any, Any]]) -> None:
    before = list(map(repr, headers))
    found, origin = propagation.extract(headers)
    assert isinstance(found, Context)
    assert origin is None or origin.is_valid
    propagation.span_context_in(headers)
    assert list(map(repr, headers)) == before


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_mappings_of_any_content_are_read_without_raising(headers: dict[Any, Any]) -> None:
    assert isinstance(propagation.extract(headers)[0], Context)


@given(st.one_of(st.integers(), st.text(), st.binary(), st.lists(VALUES), st.tuples(VALUES, VALUES)))
def test_what_are_no_headers_at_all_carry_nothing_to_a_send(headers: Any) -> None:
    assert propagation.span_context_in(headers) is None


def test_a_megabyte_is_read_like_anything_else() -> None:
    large = random.Random(0).randbytes(1_000_000)
    origin = propagation.extract([("a", large), ("tracestate", large), ("traceparent", GOOD), ("baggage", large)])[1]
    assert origin is not None
    assert origin.trace_id == 0xA


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([("ce_id", b"7"), ("traceparent", GOOD)], "7"),
        ({"Message-Id": "a-1"}, "a-1"),
        ([("event_id", b"x" * 257)], None),
        ([("ce_id", b"")], None),
        ([(7, b"7"), ("id", b"8")], None),
        (7, None),
        (None, None),
    ],
)
def test_the_id_that_a_sender_gave_the_event(headers: Any, found: str | None) -> None:
    assert propagation.event_id(headers) == found
