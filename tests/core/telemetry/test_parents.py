"""A span whose parent is all that is known of where it begins is as one that begins in a context with that parent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState, get_current_span

from core.telemetry.test_light_spans import tracer_of
from otel_eda.core import propagation
from otel_eda.core.propagation.headers import read
from otel_eda.core.runtime.contexts import EMPTY, as_context, remote_parent, surroundings, with_span
from otel_eda.core.telemetry.light_tracer import LightTracer
from otel_eda.core.telemetry.templates import Template, given, starting

if TYPE_CHECKING:
    from opentelemetry.context import Context

STATE = TraceState([("a", "b")])
ORIGINS = [SpanContext(3, 4, True, TraceFlags(flags), state) for flags in (0, 1, 3) for state in (TraceState(), STATE)]
AMBIENT = with_span(EMPTY, NonRecordingSpan(SpanContext(5, 6, False)))
RULES = "auto", "ambient", "producer", "none"


class Asking(Sampler):
    """Decides by the span that is current in the context it is given."""

    def should_sample(self, parent_context: Context | None, *_: Any, **__: Any) -> SamplingResult:
        parent = get_current_span(parent_context).get_span_context()
        decided = ALWAYS_ON if parent.span_id == 4 else ALWAYS_OFF
        return decided.should_sample(parent_context, 1, "a", attributes={"parent": parent.span_id})

    def get_description(self) -> str:
        return "asking"


def started(light: bool, sampler: Sampler, within: Context | SpanContext) -> tuple[Any, list[str]]:
    sdk, collected = tracer_of(sampler)
    tracer: Any = LightTracer(sdk, lambda _: None) if light else sdk  # type: ignore[arg-type]
    span: Any = starting(tracer)(Template("a", {"x": 1}), within, SpanKind.CONSUMER, 7, given({}))
    span.end(8)
    found = span.get_span_context()
    told = [call for call in collected.calls if call.startswith("start")]
    about = (span.parent, dict(span.attributes), span.kind) if span.is_recording() or collected.ended else None
    return (found.trace_id, found.trace_flags, found.trace_state, about), [call.partition(" a ")[0] for call in told]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF, ParentBased(ALWAYS_ON), Asking()], ids=type)
@pytest.mark.parametrize("light", [True, False])
def test_a_span_begins_alike(light: bool, sampler: Sampler, origin: SpanContext) -> None:
    assert started(light, sampler, origin) == started(False, sampler, remote_parent(origin))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("base", [EMPTY, AMBIENT, baggage.set_baggage("a", "b", EMPTY)])
def test_what_surrounds_a_process_span_is_alike(base: Context, rule: str) -> None:
    origin = ORIGINS[-1]
    context, parent = surroundings(rule, base, None, origin)
    whole, whole_parent = surroundings(rule, base, remote_parent(origin), origin)
    assert_alike(as_context(parent), as_context(whole_parent))
    if base:
        assert_alike(context, whole)
    else:
        assert context == EMPTY  # the process span comes in the place of its parent


def assert_alike(one: Context | None, other: Context | None) -> None:
    assert one is not None
    assert other is not None
    assert one.keys() == other.keys()
    assert get_current_span(one).get_span_context() == get_current_span(other).get_span_context()
    assert baggage.get_all(one) == baggage.get_all(other)


def test_headers_with_a_parent_alone_give_its_span_context_and_a_context_where_one_is_asked_for() -> None:
    headers = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    context, origin = read(headers)
    whole, same = propagation.extract(headers)
    assert context is None
    assert origin == same == get_current_span(whole).get_span_context()
    assert propagation.extract([]) == (EMPTY, None)
