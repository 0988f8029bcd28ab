"""A light span is the SDK's: whatever an application does to it, and however it is exported."""

from __future__ import annotations

import enum
import logging
from copy import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as official
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from otel_eda.core.telemetry import encoding
from otel_eda.core.telemetry.light_spans import LightSpan
from otel_eda.core.telemetry.light_tracer import LightTracer
from otel_eda.core.telemetry.templates import Template, starting
from otel_eda.core.telemetry.templates import given as described

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

    Step = Callable[[Any], object]


class Word(str, enum.Enum):
    """A text that is more than a text."""

    GO = "go"


class Collected:
    """Keeps what has ended, and what processors are told."""

    def __init__(self) -> None:
        self.looks = False  # whether a processor looks at what a span starts with
        self.ended: list[Any] = []
        self.calls: list[str] = []

    def on_start(self, span: Any, parent_context: object = None) -> None:
        self.calls.append(f"start {span.name} {dict(span.attributes) if self.looks else ''} {parent_context}")

    def _on_ending(self, span: Any) -> None:
        self.calls.append(f"ending {span.name}")

    def on_end(self, span: Any) -> None:
        self.ended.append(span)

    def shutdown(self) -> None:
        """Nothing is held."""


class Ids(IdGenerator):
    """Gives the same identifiers again."""

    def __init__(self) -> None:
        self.last = 0

    def generate_trace_id(self) -> int:
        self.last += 1
        return self.last << 60

    def generate_span_id(self) -> int:
        self.last += 1
        return self.last

    def is_trace_id_random(self) -> bool:
        return True


class Adding(Sampler):
    """Adds attributes and trace state, as samplers of vendors do."""

    def should_sample(self, *args: Any, **_: Any) -> SamplingResult:
        added = {"rate": 0.5, "list": ["a", 1], **(args[4] or {})}
        return SamplingResult(Decision.RECORD_AND_SAMPLE, added, TraceState([("vendor", "1")]))

    def get_description(self) -> str:
        return "adding"


SAMPLERS = [ALWAYS_ON, ALWAYS_OFF, ParentBased(ALWAYS_ON), ParentBased(TraceIdRatioBased(0.5)), Adding()]
STATE = TraceState([("a", "b"), ("c", "d")])
PARENTS = [
    None,
    *(
        SpanContext(1 << 90, 77, remote, TraceFlags(flags), STATE if flags > 1 else None)
        for remote in (False, True)
        for flags in range(4)
    ),
]
texts = st.text(st.characters(codec="utf-8"), max_size=40)
numbers = st.integers() | st.integers(-(2**63) - 1, 2**63) | st.integers(-2, 20000)
values: st.SearchStrategy[Any] = st.one_of(
    texts,
    numbers,
    st.booleans(),
    st.floats(allow_nan=False),
    st.none(),
    st.binary(max_size=5),
    st.lists(texts, max_size=3),
    st.just(Word.GO),
    st.just(object),
    st.dictionaries(texts, st.integers(0, 9), max_size=2),
)
mappings = st.dictionaries(texts | st.integers(0, 3), values, max_size=6) | st.dictionaries(texts, texts, max_size=12)
plain = st.dictionaries(texts.filter(bool), texts | st.integers(0, 99) | st.booleans(), max_size=12)
contexts = st.builds(
    SpanContext, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.booleans(), st.just(TraceFlags(1))
)
links = st.lists(st.tuples(contexts, st.none() | mappings), max_size=5)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda k, v: lambda span: span.set_attribute(k, v), texts | st.integers(0, 3), values),
    st.builds(lambda each: lambda span: span.set_attributes(each), mappings | plain),
    st.builds(lambda n, a: lambda span: span.add_event(n, a, 7), texts, mappings),
    st.builds(lambda c: lambda span: span.add_link(c), contexts),
    st.builds(lambda n: lambda span: span.update_name(n), texts | st.none()),
    st.builds(lambda c, d: lambda span: span.set_status(Status(c, d)), st.sampled_from(StatusCode), st.none() | texts),
    st.builds(lambda at: lambda span: span.end(at), st.integers(30, 40)),
    st.just(lambda span: dict(span.attributes)),
    st.just(lambda span: ([(link.context, link.attributes) for link in span.links], len(span.events))),
    st.just(lambda span: span.record_exception(ValueError("x"), timestamp=5)),
)
limits = st.builds(
    SpanLimits,
    max_span_attributes=st.sampled_from([None, 0, 3, 128]),
    max_links=st.sampled_from([None, 0, 2]),
    max_link_attributes=st.sampled_from([None, 0, 2]),
    max_events=st.sampled_from([None, 1]),
    max_attribute_length=st.sampled_from([None, 4]),
)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Any:
    """Keep the SDK's warnings of each bad value out of the log."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def tracer_of(sampler: Sampler, limit: SpanLimits | None = None) -> tuple[Tracer, Collected]:
    """Return a tracer of the SDK, and what its spans come to."""
    provider = TracerProvider(
        sampler, Resource({"service.name": "shop"}), shutdown_on_exit=False, id_generator=Ids(), span_limits=limit
    )
    collected = Collected()
    provider.add_span_processor(collected)  # type: ignore[arg-type]
    return provider.get_tracer("scope", "1", "https://schema"), collected


def play(  # noqa: PLR0917
    tracer: Tracer, split: int, parent: SpanContext | None, start: dict[str, Any], given_links: Any, todo: list[Step]
) -> Any:
    """Make a span and do all to it; what is raised counts.

    So many of its attributes are those of a template; one of them is given again.
    """
    context = None if parent is None else set_span_in_context(NonRecordingSpan(parent))
    made = [Link(to, attributes) for to, attributes in given_links]
    items = list(start.items())
    template, more = Template("process orders", dict(items[:split])), dict(items[max(split - 1, 0) :])
    span: Any = starting(tracer)(template, context, SpanKind.CONSUMER, 20, described(dict(items[split:]), made))
    starting(tracer)(template, context, SpanKind.CONSUMER, 20, linked_first(more, made)).end(30)
    said: list[object] = [span.get_span_context(), span.is_recording()]
    said += [answer(step, span) for step in todo]
    span.end(50)
    return said


def linked_first(more: dict[str, Any], links: list[Link]) -> Any:
    """Describe a span by a link without attributes, if that comes first, as what it continues."""
    if links and not links[0].attributes:
        return tuple, ((more, links[1:], links[0].context),)
    return described(more, links)


def answer(step: Step, span: Any) -> object:
    """Return what a step gives or raises."""
    try:
        return step(span)
    except Exception as error:
        return repr(error)


def both(sampler: Sampler, limit: SpanLimits | None, *rest: Any) -> tuple[tuple[Any, Collected], tuple[Any, Collected]]:
    """Play the same with the SDK's spans and with light ones."""
    theirs, their_spans = tracer_of(sampler, limit)
    ours, our_spans = tracer_of(sampler, limit)
    their_spans.looks = our_spans.looks = len(rest[-1]) > 2
    return (play(theirs, *rest), their_spans), (play(LightTracer(ours, lambda _: None), *rest), our_spans)  # type: ignore[arg-type]


def fields(request: Any) -> list[Any]:
    """Return the spans of a request with the resource and the scope of each."""
    return [
        (resource.resource, resource.schema_url, scope.scope, scope.schema_url, span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def as_json(span: Any) -> str:
    """Return a span as the console shows it, or why it cannot."""
    try:
        text: str = span.to_json()
    except TypeError as error:
        return repr(error)
    return text


def encoded(spans: list[Any]) -> list[Any]:
    """Return what our function makes of copies of light spans, which are as untouched as they are."""
    request = encoding.encode_spans([copy(span) for span in spans], official)
    as_bytes, read = encoding.encode_to_bytes([copy(span) for span in spans], official), official([])
    read.ParseFromString(as_bytes.SerializePartialToString())
    assert sorted(fields(read), key=repr) == sorted(fields(request), key=repr)
    assert as_bytes.resource_spans == read.resource_spans
    return fields(request)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sampler=st.sampled_from(SAMPLERS),
    limit=st.none() | limits,
    parent=st.sampled_from(PARENTS),
    split=st.integers(0, 4),
    start=mappings | plain,
    given_links=links,
    todo=st.lists(steps, max_size=5),
)
def test_whatever_is_done_to_it_a_light_span_is_the_sdks(  # noqa: PLR0917
    sampler: Sampler, limit: SpanLimits | None, parent: Any, split: int, start: Any, given_links: Any, todo: Any
) -> None:
    (said, theirs), (said_of_ours, ours) = both(sampler, limit, split, parent, start, given_links, todo)
    assert said_of_ours == said
    assert ours.calls == theirs.calls
    assert encoded(ours.ended) == fields(official(theirs.ended))
    for span, light_span in zip(theirs.ended, ours.ended, strict=True):
        assert as_json(light_span) == as_json(span)
        assert light_span.dropped_attributes == span.dropped_attributes
        assert light_span.dropped_links == span.dropped_links
        assert light_span.context == span.context
        assert type(light_span.context.trace_flags) is TraceFlags
        assert light_span.instrumentation_scope == span.instrumentation_scope


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    parent=st.sampled_from(PARENTS),
    start=plain,
    given_links=st.lists(st.tuples(contexts.filter(lambda c: c.is_valid), st.none() | plain), max_size=3),
)
def test_plain_spans_are_encoded_without_the_sdk(parent: Any, start: Any, given_links: Any) -> None:
    (_, theirs), (_, ours) = both(ALWAYS_ON, None, 2, parent, start, given_links, [])
    _, span = ours.ended
    assert isinstance(span, LightSpan)
    encoded([span])  # the first of a tracer asks the official function for its resource and scope
    assert span.untouched
    request = encoding.encode_spans([span], refuse)
    assert fields(request) == fields(official(theirs.ended[1:]))
    assert span.untouched


def refuse(spans: Any) -> Any:
    """Stand for the official function where it is not to be asked for any span."""
    assert not spans
    return official([])
