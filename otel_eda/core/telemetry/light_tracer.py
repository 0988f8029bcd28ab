"""The tracer that starts light spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, StaticSampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer, get_current_span

from otel_eda.core.telemetry.light_spans import LightSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span
    from opentelemetry.util.types import Attributes

# The flag of W3C Trace Context Level 2 that says whether a trace id is random; older SDKs do not know it.
_KNOWS_RANDOMNESS = "is_trace_id_random" in SdkTracer.start_span.__code__.co_names
_FLAGS = tuple(TraceFlags(value) for value in range(4))
_DELEGATES = (  # of a sampler that asks the parent
    "_root",
    "_remote_parent_sampled",
    "_remote_parent_not_sampled",
    "_local_parent_sampled",
    "_local_parent_not_sampled",
)


class LightTracer(Tracer):
    """A tracer that starts light spans, with the sampler, identifiers, limits and processors of one of the SDK."""

    def __init__(self, tracer: SdkTracer) -> None:
        self.sdk: Any = tracer
        self._sampler: Sampler | None = None
        self._resource: Any = None
        self._randomness: Any = tracer.id_generator.is_trace_id_random if _KNOWS_RANDOMNESS else None
        self._is_enabled: Callable[[], bool] = getattr(
            tracer, "_is_enabled", lambda: True
        )  # newer SDKs switch tracers off
        metrics: Any = getattr(tracer, "_tracer_metrics", None)
        silent = metrics is None or type(metrics).__name__ == "NoOpTracerMetrics"
        self._count: Any = None if silent else metrics.start_span

    def start_span(  # noqa: PLR0917  # the API's own
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Start a span as the SDK's tracer does."""
        sdk, links = self.sdk, links or ()
        options = record_exception, set_status_on_exception
        if not (all(options) and self._is_enabled()):
            return sdk.start_span(name, context, kind, attributes, links, start_time, *options)  # type: ignore[no-any-return]
        parent = _parent(context)
        trace_id = sdk.id_generator.generate_trace_id() if parent is None else parent.trace_id
        decision, state, attributes = self._decide(parent, context, trace_id, name, kind, attributes, links)
        own = SpanContext(trace_id, sdk.id_generator.generate_span_id(), False, self._flags(parent, decision), state)
        counted = self._count and self._count(parent, decision)
        if decision is Decision.DROP:
            return NonRecordingSpan(own)
        return self._begin(counted, context, (name, own, kind, parent, attributes or {}, links, start_time))

    def _begin(self, counted: Any, context: Context | None, made_of: tuple[Any, ...]) -> Span:
        span = self._class.made(*made_of)
        if counted is not None:
            span._record_end_metrics = counted
        self.sdk.span_processor.on_start(span, parent_context=context)
        return span

    def start_as_current_span(self, name: str, *args: Any, **options: Any) -> AbstractContextManager[Span]:  # type: ignore[override]
        """Start a span as the SDK's tracer does, and make it current."""
        made: AbstractContextManager[Span] = self.sdk.start_as_current_span(name, *args, **options)
        return made

    def _prepare(self) -> None:
        # Both can change: a fork gives a process its own resource, and a sampler can be put in another's place.
        sdk = self.sdk
        sampler, resource = sdk.sampler, sdk.resource
        self._decisions = tuple(_decisions(sampler))
        limits = sdk._span_limits
        most = limits.max_span_attributes
        common = {
            "_sampler": sampler,
            "_resource": resource,
            "_limits": limits,
            "_span_processor": sdk.span_processor,
            "_instrumentation_scope": sdk._instrumentation_scope,
            "_instrumentation_info": sdk.instrumentation_info,
            "room": -1 if limits.max_span_attribute_length is not None else 1 << 30 if most is None else most,
        }
        self._class: type[LightSpan] = type("_Span", (LightSpan,), common)
        # Last: a thread that comes meanwhile prepares for itself.
        self._sampler, self._resource = sampler, resource

    def _decide(  # noqa: PLR0917  # those of `Sampler.should_sample`
        self,
        parent: SpanContext | None,
        context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[Link],
    ) -> tuple[Decision, Any, Attributes]:
        if self.sdk.sampler is not self._sampler or self.sdk.resource is not self._resource:
            self._prepare()
        place = 0 if parent is None else 1 + 2 * (not parent.is_remote) + (not parent.trace_flags & 1)
        decision = self._decisions[place]
        if decision is not None:
            return decision, None if parent is None else parent.trace_state, attributes
        result = self.sdk.sampler.should_sample(context, trace_id, name, kind, attributes, links)
        return result.decision, result.trace_state, result.attributes

    def _flags(self, parent: SpanContext | None, decision: Decision) -> TraceFlags:
        random = 0
        if self._randomness is not None:
            random = self._randomness() if parent is None else parent.trace_flags & 2
        return _FLAGS[(decision is Decision.RECORD_AND_SAMPLE) + 2 * bool(random)]


def _parent(context: Context | None) -> SpanContext | None:
    found: SpanContext | None = get_current_span(context).get_span_context()
    return found if found is not None and found.is_valid else None


def _decisions(sampler: Sampler) -> Iterator[Decision | None]:
    # What a sampler of the SDK decides for each kind of parent, or None where it depends on more.
    if isinstance(sampler, ParentBased) and type(sampler).should_sample is ParentBased.should_sample:
        yield from [_always(getattr(sampler, name, None)) for name in _DELEGATES]
        return
    yield from [_always(sampler)] * len(_DELEGATES)


def _always(sampler: object) -> Decision | None:
    known = isinstance(sampler, StaticSampler) and type(sampler).should_sample is StaticSampler.should_sample
    return sampler._decision if known else None  # type: ignore[attr-defined]
