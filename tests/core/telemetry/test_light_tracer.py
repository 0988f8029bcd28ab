"""The tracer of light spans asks the sampler as the SDK's does, and sees when another takes its place."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    StaticSampler,
)
from opentelemetry.trace import NonRecordingSpan, SpanKind

from core.telemetry.test_light_spans import tracer_of
from otel_eda.core.telemetry.light_tracer import LightTracer
from otel_eda.core.telemetry.templates import Template, given


def test_a_sampler_may_change_the_very_attributes_that_it_is_asked_with() -> None:
    class Marking(Sampler):
        """Marks what it samples."""

        def should_sample(self, *args: Any, **_: Any) -> SamplingResult:
            args[4]["marked"] = True
            return SamplingResult(Decision.RECORD_AND_SAMPLE, args[4])

        def get_description(self) -> str:
            return "marking"

    sdk, collected = tracer_of(Marking())
    tracer = LightTracer(sdk, lambda _: None)  # type: ignore[arg-type]
    tracer.start_like(Template("a", {"x": 1}), None, SpanKind.CLIENT, 1, given({"y": 2})).end()
    assert dict(collected.ended[0].attributes) == {"x": 1, "y": 2, "marked": True}


@pytest.mark.parametrize("sampler", [StaticSampler(Decision.RECORD_AND_SAMPLE), ParentBased(ALWAYS_ON)], ids=type)
def test_a_function_that_one_sampler_was_given_is_asked(sampler: Any) -> None:
    sampler.should_sample = lambda *_, **__: SamplingResult(Decision.DROP)
    sdk, collected = tracer_of(sampler)
    LightTracer(sdk, lambda _: None).start_span("a").end()  # type: ignore[arg-type]
    assert collected.ended == []


def test_threads_that_find_different_samplers_do_not_mix_them() -> None:
    class Slow(SpanProcessor):
        """Lets the other thread go on while it is looked at."""

        @property
        def on_start(self) -> Any:
            if sdk.sampler is ALWAYS_OFF and not late.is_set():
                late.set()
                first.join(10)
            return super().on_start

    def changed(_: object) -> None:
        if threading.current_thread() is first:
            early.set()
            assert late.wait(10)

    early, late = threading.Event(), threading.Event()
    sdk: Any = TracerProvider(ALWAYS_ON, shutdown_on_exit=False).get_tracer("scope")
    sdk.span_processor.add_span_processor(Slow())
    tracer = LightTracer(sdk, changed)
    first = threading.Thread(target=lambda: tracer.start_span("a"))
    first.start()
    assert early.wait(10)
    sdk.sampler = ALWAYS_OFF
    assert isinstance(tracer.start_span("b"), NonRecordingSpan)
    assert not first.is_alive()
    assert isinstance(tracer.start_span("c"), NonRecordingSpan)
