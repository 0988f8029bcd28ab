"""The tracer that starts light spans."""

from __future__ import annotations

from operator import attrgetter
from random import getrandbits
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor, SynchronousMultiSpanProcessor
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, StaticSampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer

from otel_eda.core.runtime.contexts import NO_STATE, SPAN, as_context, get_current, span_context
from otel_eda.core.telemetry.light_spans import TELLS_ENDING, LightSpan
from otel_eda.core.telemetry.templates import Template, all_links, given, start_like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span
    from opentelemetry.util.types import Attributes

    from otel_eda.core.telemetry.templates import About, Described, Parent

# The flag of W3C Trace Context Level 2 that says whether a trace id is random; older SDKs do not know it.
_KNOWS_RANDOMNESS = "is_trace_id_random" in SdkTracer.start_span.__code__.co_names
_MOST_TRACE, _MOST_SPAN = (1 << 128) - 1, (1 << 64) - 1
_FLAGS = tuple(TraceFlags(value) for value in range(4))
_DROP, _SAMPLED = Decision.DROP, Decision.RECORD_AND_SAMPLE
_SILENT_AT_ENDING = {
    getattr(one, "_on_ending", None) for one in (SpanProcessor, BatchSpanProcessor, SimpleSpanProcessor)
}
_SILENT = {one.on_start for one in (SpanProcessor, BatchSpanProcessor, SimpleSpanProcessor)}  # they do nothing
_DELEGATES = (  # of a sampler that asks the parent
    "_root",
    "_remote_parent_sampled",
    "_remote_parent_not_sampled",
    "_local_parent_sampled",
    "_local_parent_not_sampled",
)


_CHANGING = (
    "sampler",
    "resource",
    "id_generator",
    "span_processor._span_processors",
    "_tracer_config.is_enabled",
    "_tracer_provider._tracer_configurator",  # asked in version 1.40 alone
)


def _reading(tracer: SdkTracer) -> Callable[[SdkTracer], tuple[Any, ...]]:
    # In one step, what a tracer of this version has of what can change.
    return attrgetter(*(name for name in _CHANGING if _has(tracer, name)))


def _has(item: object, name: str) -> bool:
    try:
        attrgetter(name)(item)
    except AttributeError:
        return False
    return True


def _always_enabled() -> bool:
    return True


def _generates(ids: object) -> list[object]:
    return [getattr(getattr(ids, name), "__func__", None) for name in ("generate_span_id", "generate_trace_id")]


_GENERATES = _generates(RandomIdGenerator())  # which only asks for random bits, until they are not all zero


class LightTracer(Tracer):
    """A tracer that starts light spans, with the sampler, identifiers, limits and processors of one of the SDK.

    `changed` is called with that one at the first span, and when its processors, sampler or resource have changed.
    """

    def __init__(self, tracer: SdkTracer, changed: Callable[[SdkTracer], object]) -> None:
        self.sdk: Any = tracer
        self._changed = changed
        self._made_of: tuple[Any, ...] = ()
        self._made_now = _reading(tracer)
        self._random_flag = 2 if _KNOWS_RANDOMNESS else 0
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
        if not (record_exception and set_status_on_exception):
            options = record_exception, set_status_on_exception
            return self.sdk.start_span(name, context, kind, attributes, links, start_time, *options)  # type: ignore[no-any-return]
        return self.start_like(Template(name, attributes or {}), context, kind, start_time, given({}, links or ()))

    def start_like(self, template: Template, within: Parent, kind: SpanKind, start: int | None, about: About) -> Span:
        """Start a span after a template; one that is sampled out is not described."""
        if self._made_now(self.sdk) != self._made_of and not self._prepare(self.sdk):
            return start_like(self.sdk, template, within, kind, start, about)
        parent: Any = within
        if type(within) is not SpanContext:
            span: Any = (get_current() if within is None else within).get(SPAN)  # type: ignore[union-attr]
            parent = None if span is None else span.get_span_context()
        if parent is not None and parent[5]:
            trace_id, _, is_remote, flags, state, _ = parent
            place, flag = (1 if is_remote else 3) + (not flags & 1), flags & self._random_flag
        else:
            own_ids = (getrandbits(128) or 1, self._random_flag) if self._ids_are_random else self._new_trace()
            (trace_id, flag), parent, place, state = own_ids, None, 0, NO_STATE
        span_id = getrandbits(64) or 1 if self._ids_are_random else self.sdk.id_generator.generate_span_id()
        (describe, arguments), decision, described = about, self._decisions[place], None
        if decision is None:
            decision, state, template, described = self._ask(within, trace_id, kind, template, describe(*arguments))
        is_valid = self._ids_are_random or _are_valid(trace_id, span_id)
        own = span_context((trace_id, span_id, False, _FLAGS[(decision is _SAMPLED) + flag], state, is_valid))
        counted = self._count and self._count(parent, decision)
        if decision is _DROP:
            return NonRecordingSpan(own)
        made = self._class.started(own, parent, template, kind, start, described or describe(*arguments))
        return made if self._is_silent else self._tell(made, within, counted)

    def _tell(self, span: LightSpan, within: Parent, counted: Any) -> Span:
        span._record_end_metrics = counted
        if self._tells_start:
            self.sdk.span_processor.on_start(span, parent_context=as_context(within))
        return span

    def _new_trace(self) -> tuple[int, int]:
        """Return an identifier by the application's generator, and the flag that says whether it is random."""
        ids = self.sdk.id_generator
        return ids.generate_trace_id(), self._random_flag and 2 * bool(ids.is_trace_id_random())

    def start_as_current_span(self, name: str, *args: Any, **options: Any) -> AbstractContextManager[Span]:  # type: ignore[override]
        """Start a span as the SDK's tracer does, and make it current."""
        made: AbstractContextManager[Span] = self.sdk.start_as_current_span(name, *args, **options)
        return made

    def _prepare(self, sdk: Any) -> bool:
        """Read what the spans have in common, and return whether there are to be any: newer SDKs switch tracers off."""
        if not getattr(sdk, "_is_enabled", _always_enabled)():
            return False
        # All can change: a fork gives a process its own resource, a sampler can be put in another's place.
        made_of = self._made_now(sdk)
        self._changed(sdk)
        sampler, resource, ids, *_ = made_of
        is_usual = type(ids) is RandomIdGenerator and _generates(ids) == _GENERATES
        are_random = is_usual and bool(not self._random_flag or ids.is_trace_id_random())
        tells_start, decisions = _tells_start(sdk.span_processor), tuple(_decisions(sampler))
        common = {"_sampler": sampler, "_resource": resource, **_common(sdk)}
        kind: type[LightSpan] = type("_Span", (LightSpan,), common)
        # At once, without a call in between: a thread that comes meanwhile may have prepared for what was before.
        self._ids_are_random, self._decisions, self._class = are_random, decisions, kind
        self._tells_start, self._is_silent = tells_start, not (tells_start or self._count)
        self._made_of = made_of
        return True

    def _ask(
        self, within: Parent, trace_id: int, kind: SpanKind, template: Template, described: Described
    ) -> tuple[Decision, Any, Template, Described]:
        (more, links, origin), context = described, as_context(within)
        attributes, linked = {**template.attributes, **more}, all_links(links, origin)
        result = self.sdk.sampler.should_sample(context, trace_id, template.name, kind, attributes, linked)
        # It may have changed the very attributes that it was asked with.
        if result.decision is not _DROP and result.attributes != {**template.attributes, **more}:
            template, described = Template(template.name, result.attributes or {}), ({}, links, origin)
        return result.decision, NO_STATE if result.trace_state is None else result.trace_state, template, described


def _common(sdk: Any) -> dict[str, Any]:
    """Return what the spans of a tracer have in common beside its sampler and its resource."""
    limits = sdk._span_limits
    most = limits.max_span_attributes
    return {
        "_limits": limits,
        "_span_processor": sdk.span_processor,
        "_instrumentation_scope": sdk._instrumentation_scope,
        "_instrumentation_info": sdk.instrumentation_info,
        **_told(sdk.span_processor),
        "room": -1 if limits.max_span_attribute_length is not None else 1 << 30 if most is None else most,
    }


def _are_valid(trace_id: int, span_id: int) -> bool:
    return 0 < trace_id <= _MOST_TRACE and 0 < span_id <= _MOST_SPAN


def _tells_start(processor: Any) -> bool:
    """Return whether a span's start is told to a processor that may do something then."""
    several = processor._span_processors if type(processor) is SynchronousMultiSpanProcessor else (processor,)
    return not _SILENT.issuperset(getattr(one.on_start, "__func__", None) for one in several)


def _told(processor: Any) -> dict[str, Any]:
    """Return whom a span tells that it ends, and that it has ended, where several processors are told in turn."""
    if type(processor) is not SynchronousMultiSpanProcessor:
        return {}
    several = processor._span_processors
    ending = tuple(one for one in several if getattr(type(one), "_on_ending", None) not in _SILENT_AT_ENDING)
    return {"told": several, "told_ending": ending if TELLS_ENDING else ()}


def _decisions(sampler: Sampler) -> Iterator[Decision | None]:
    # What a sampler of the SDK decides for each kind of parent, or None where it depends on more.
    if isinstance(sampler, ParentBased) and _asks(sampler) is ParentBased.should_sample:
        yield from [_always(getattr(sampler, name, None)) for name in _DELEGATES]
        return
    yield from [_always(sampler)] * len(_DELEGATES)


def _always(sampler: object) -> Decision | None:
    known = isinstance(sampler, StaticSampler) and _asks(sampler) is StaticSampler.should_sample
    return sampler._decision if known else None  # type: ignore[attr-defined]


def _asks(sampler: Sampler) -> object:
    # Somebody may have given that one sampler a function of its own.
    return getattr(sampler.should_sample, "__func__", None)
