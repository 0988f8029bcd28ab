"""Parts of OpenTelemetry that fail, one at a time."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn

from opentelemetry import propagate
from opentelemetry.metrics import Counter, Histogram, NoOpMeter, NoOpMeterProvider
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import NoOpTracer, NoOpTracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.trace import Tracer

    Sabotage = Callable[[], AbstractContextManager[dict[str, Any]]]


class SabotageError(Exception):
    """What failed was made to."""


def fail(*_: object, **__: object) -> NoReturn:
    """Fail."""
    failures.append("failed")
    raise SabotageError


failures: list[str] = []
"""An entry for all that failed so far; not the error itself, whose traceback keeps alive whatever it went through."""


class FailingTracer(NoOpTracer):
    start_span = fail
    start_as_current_span = fail


class FailingTracers(NoOpTracerProvider):
    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return FailingTracer()


class FailingSampler(Sampler):
    should_sample = fail

    def get_description(self) -> str:
        return "fails"


class FailingStart(SpanProcessor):
    on_start = fail


class FailingEnd(SpanProcessor):
    on_end = fail


class FailingSpan(Span):
    set_attribute = fail
    set_attributes = fail
    set_status = fail
    add_event = fail
    add_link = fail
    record_exception = fail
    update_name = fail


class FailingSpans(SpanProcessor):
    """Lets every operation on a span fail but its start and its end."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        span.__class__ = type("Failing", (FailingSpan, type(span)), {})


class FailingInject(TraceContextTextMapPropagator):
    inject = fail


class FailingExtract(TraceContextTextMapPropagator):
    extract = fail


class FailingHistogram(Histogram):
    def __init__(self) -> None:
        pass

    record = fail


class FailingCounter(Counter):
    def __init__(self) -> None:
        pass

    add = fail


class FailingMeter(NoOpMeter):
    """Its instruments fail."""

    def create_histogram(self, *_: Any, **__: Any) -> Histogram:
        return FailingHistogram()

    def create_counter(self, *_: Any, **__: Any) -> Counter:
        return FailingCounter()


class FailingMeters(NoOpMeterProvider):
    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def get_meter(self, *_: Any, **__: Any) -> Meter:
        return self.meter


class UselessMeter(NoOpMeter):
    create_histogram = fail
    create_counter = fail
    create_up_down_counter = fail
    create_observable_counter = fail
    create_observable_gauge = fail
    create_observable_up_down_counter = fail


def _processed(processor: SpanProcessor) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


@contextmanager
def _propagating(propagator: TextMapPropagator) -> Iterator[dict[str, Any]]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(propagator)
    try:
        yield {}
    finally:
        propagate.set_global_textmap(before)


# Each gives, as a context manager, what `recording` is to be told.
WAYS: dict[str, Sabotage] = {
    "tracer": lambda: nullcontext({"tracer_provider": FailingTracers()}),
    "sampler": lambda: nullcontext({"sampler": FailingSampler()}),
    "span start": lambda: nullcontext({"tracer_provider": _processed(FailingStart())}),
    "span end": lambda: nullcontext({"tracer_provider": _processed(FailingEnd())}),
    "span": lambda: nullcontext({"tracer_provider": _processed(FailingSpans())}),
    "inject": lambda: _propagating(FailingInject()),
    "extract": lambda: _propagating(FailingExtract()),
    "instruments": lambda: nullcontext({"meter_provider": FailingMeters(FailingMeter("fails"))}),
    "meter": lambda: nullcontext({"meter_provider": FailingMeters(UselessMeter("fails"))}),
}
