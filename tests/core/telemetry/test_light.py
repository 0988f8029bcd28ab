"""Where spans are light, and what a strange application does to them."""

from __future__ import annotations

import sys
import threading
from copy import copy
from functools import wraps
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as official
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanLimits, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, set_span_in_context

from core.telemetry.test_light_spans import tracer_of
from otel_eda.core.telemetry import encoding, light
from otel_eda.core.telemetry.light_spans import LightSpan
from otel_eda.core.telemetry.light_tracer import LightTracer
from otel_eda.core.telemetry.templates import Template, given


def test_a_provider_of_ones_own_keeps_its_spans() -> None:
    class Provider(TracerProvider):
        """One that somebody has changed."""

    provider = Provider(shutdown_on_exit=False)
    tracer = provider.get_tracer("scope")
    assert light.lightened(provider, tracer) is tracer


def test_a_version_that_differs_keeps_its_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    tracer = provider.get_tracer("scope")
    assert type(light.lightened(provider, tracer)) is LightTracer
    monkeypatch.setattr(LightSpan, "to_json", lambda *_: "{}")
    assert light.lightened(provider, tracer) is tracer


def test_a_processor_that_sets_attributes_leaves_a_span_light() -> None:
    sdk, collected = tracer_of(ALWAYS_ON)
    collected.on_start = lambda span, **_: span.set_attribute("team", "blue")  # type: ignore[method-assign]
    span = LightTracer(sdk, lambda _: None).start_span("a", None, SpanKind.CLIENT, {"x": 1})  # type: ignore[arg-type]
    span.end()
    assert collected.ended == [span]
    assert isinstance(span, LightSpan)
    assert span.untouched
    assert (span.template.attributes, span.own_attributes) == ({"x": 1}, {"team": "blue"})


def test_an_attribute_that_is_set_anew_comes_last() -> None:
    sdk, collected = tracer_of(ALWAYS_ON)
    tracer = LightTracer(sdk, lambda _: None)  # type: ignore[arg-type]
    span: Any = tracer.start_span("a", None, SpanKind.CLIENT, {"x": 1, "y": 2})
    span.set_attributes({"z": 3, "x": 4})
    span.set_attribute("z", 5)
    span.end()
    assert span.untouched
    assert list(collected.ended[0].attributes.items()) == [("y", 2), ("x", 4), ("z", 5)]


@pytest.mark.skipif(not hasattr(TracerProvider, "_set_tracer_configurator"), reason="newer SDKs switch tracers off")
def test_a_tracer_that_is_switched_off_starts_no_span() -> None:
    provider: Any = TracerProvider(shutdown_on_exit=False)
    tracer = light.lightened(provider, provider.get_tracer("scope"))
    assert isinstance(tracer.start_span("a"), LightSpan)
    off = vars(sys.modules[TracerProvider.__module__])["_disable_tracer_configurator"]
    provider._set_tracer_configurator(tracer_configurator=off)
    assert isinstance(tracer.start_span("a"), NonRecordingSpan)


def test_one_of_several_threads_ends_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.Logger.warning", lambda *_: None)  # the SDK's, of all other threads
    sdk, collected = tracer_of(ALWAYS_ON)
    tracer = LightTracer(sdk, lambda _: None)  # type: ignore[arg-type]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(300):
            span = tracer.start_span("a", None, SpanKind.CLIENT)
            steps = [span.end, span.end, lambda span=span: span.set_attributes({"b": 1}), span.end]
            threads = [threading.Thread(target=step) for step in steps]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(collected.ended) == 300


def test_limits_of_an_application_are_no_cause_of_warnings(caplog: pytest.LogCaptureFixture) -> None:
    provider = TracerProvider(shutdown_on_exit=False, span_limits=SpanLimits(max_attributes=1, max_attribute_length=0))
    assert type(light.lightened(provider, provider.get_tracer("scope"))) is LightTracer
    assert caplog.messages == []


def test_a_parent_without_a_context_is_none() -> None:
    class Strange(NonRecordingSpan):
        """A span of somebody who forgot its context."""

        def get_span_context(self) -> Any:
            return None

    sdk, collected = tracer_of(ALWAYS_ON)
    strange = set_span_in_context(Strange(SpanContext(1, 2, is_remote=False)))
    LightTracer(sdk, lambda _: None).start_span("a", strange).end()  # type: ignore[arg-type]
    assert collected.ended[0].parent is None


def test_an_exporter_that_comes_later_encodes_light_spans_too() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    tracer = light.lightened(provider, provider.get_tracer("scope"))
    tracer.start_span("a").end()
    assert trace_exporter.__name__ in light.exporters()
    light._put_back()
    assert vars(trace_exporter)["encode_spans"] is official
    tracer.start_span("b").end()
    assert light.exporters() == []  # nothing has changed
    provider.add_span_processor(SpanProcessor())
    tracer.start_span("c").end()
    assert trace_exporter.__name__ in light.exporters()
    light._put_back()


def test_a_start_is_told_to_whoever_may_do_something_then() -> None:
    provider, told = TracerProvider(shutdown_on_exit=False), []
    silent, telling = SpanProcessor(), SpanProcessor()
    telling.on_start = lambda span, **_: told.append(span)  # type: ignore[method-assign]
    tracer = light.lightened(provider, provider.get_tracer("scope"))
    for processor in (silent, telling):
        provider.add_span_processor(processor)
        tracer.start_span("a").end()
    assert len(told) == 1


def test_a_span_that_a_processor_gives_a_resource_of_its_own_keeps_it() -> None:
    tracer, collected = tracer_of(ALWAYS_ON)
    lightened = LightTracer(tracer, lambda _: None)  # type: ignore[arg-type]
    for tenant in ("first", "second"):
        span: Any = lightened.start_span("send orders")
        span._resource = span._resource.merge(Resource({"tenant": tenant}))
        span.end()
    lightened.start_span("send orders").end()
    request = encoding.encode_spans(collected.ended, official)
    tenants = {one.value.string_value for place in request.resource_spans for one in place.resource.attributes}
    assert tenants == {"first", "second", "shop"}
    assert sum(len(scope.spans) for place in request.resource_spans for scope in place.scope_spans) == 3


def test_long_texts_are_not_kept() -> None:
    tracer, collected = tracer_of(ALWAYS_ON)
    LightTracer(tracer, lambda _: None).start_span("send orders", attributes={"payload": "x" * 5000}).end()  # type: ignore[arg-type]
    encoding.encode_spans(collected.ended, official)
    assert max(map(len, (value for _, value in encoding._texts)), default=0) <= 64


@pytest.mark.parametrize("step", [lambda span: span.update_name(None), lambda span: span.set_attribute(1, "x")])
def test_names_that_are_no_texts_are_as_with_the_sdk(step: Any) -> None:
    theirs, their_spans = tracer_of(ALWAYS_ON)
    ours, our_spans = tracer_of(ALWAYS_ON)
    for tracer in (theirs, LightTracer(ours, lambda _: None)):  # type: ignore[arg-type]
        tracer.start_span("first").end()  # which the official function encodes, for the resource and the scope
        span = tracer.start_span("a", None, SpanKind.CLIENT, {"y": 1}, start_time=1)
        step(span)
        span.end(2)
    encoding.encode_spans(our_spans.ended[:1], official)
    assert encoding.encode_spans(our_spans.ended[1:], official) == official(their_spans.ended[1:])


def test_a_span_that_another_thread_reads_meanwhile_has_each_attribute_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def name_of(name: str) -> bytes:
        assert span.attributes  # as another exporter's thread has it
        return encoded(name)

    encoded, (tracer, collected) = encoding._name, tracer_of(ALWAYS_ON)
    lightened = LightTracer(tracer, lambda _: None)  # type: ignore[arg-type]
    lightened.start_span("first").end()
    encoding.encode_spans(collected.ended, official)
    span: Any = lightened.start_like(Template("a", {"x": 1}), None, SpanKind.CLIENT, 1, given({"y": 2}))
    span.end()
    monkeypatch.setattr(encoding, "_name", name_of)
    (resource,) = encoding.encode_spans([span], official).resource_spans
    assert [one.key for one in resource.scope_spans[0].spans[0].attributes] == ["x", "y"]
    assert not span.untouched


@pytest.mark.parametrize("changed", [lambda _: b"", lambda: None], ids=["other result", "other arguments"])
def test_an_exporter_that_encodes_otherwise_is_left_alone(changed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_exporter, "encode_spans", changed)
    provider = TracerProvider(shutdown_on_exit=False)
    tracer = light.lightened(provider, provider.get_tracer("scope"))
    assert isinstance(tracer.start_span("a"), LightSpan)
    assert vars(trace_exporter)["encode_spans"] is changed
    light._put_back()


def test_no_span_waits_for_another() -> None:
    # While a span is locked the SDK logs warnings, and a handler of logs may use another span.
    sdk, _ = tracer_of(ALWAYS_ON)
    first, other = (LightTracer(sdk, lambda _: None).start_span(name) for name in "ab")  # type: ignore[arg-type]
    with first._lock:  # type: ignore[attr-defined]
        thread = threading.Thread(target=lambda: other.add_event("logged"))
        thread.start()
        thread.join(5)
        assert not thread.is_alive()


def test_a_copy_of_a_span_whose_lock_was_made_is_whole() -> None:
    sdk, collected = tracer_of(ALWAYS_ON)
    span: Any = LightTracer(sdk, lambda _: None).start_span("a", attributes={"x": 1})  # type: ignore[arg-type]
    span.set_status(StatusCode.OK)
    span.end()
    assert span.made_lock
    assert copy(collected.ended[0]).to_json() == span.to_json()
    assert "made_lock" not in vars(copy(collected.ended[0]))


@pytest.mark.parametrize(
    ("kind", "name"), [(Tracer, "start_span"), (Span, "end"), (RandomIdGenerator, "generate_span_id")]
)
def test_what_somebody_has_put_in_place_of_the_sdks_is_called(
    kind: type[Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, original = [], getattr(kind, name)

    @wraps(original)
    def counted(*args: Any, **options: Any) -> Any:
        called.append(name)
        return original(*args, **options)

    monkeypatch.setattr(kind, name, counted)
    provider = TracerProvider(shutdown_on_exit=False)
    light.lightened(provider, provider.get_tracer("scope")).start_span("a").end()
    assert called == [name]
