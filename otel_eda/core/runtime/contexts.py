"""OpenTelemetry contexts, read and made without the detours that a hot path cannot afford.

A context is a plain dict. Its keys are found through the public API, once, and not imported from private modules.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from opentelemetry import context as api
from opentelemetry import trace
from opentelemetry.context import Context, create_key
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanContext, TraceFlags

from otel_eda.core.runtime.tasks import task_or_thread_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span, TraceState


class ProcessSpan(Protocol):
    """The process span that a context keeps.

    `outer_context` is the context that was current when it began; `owner` is the task or thread that it began in.
    """

    span: Span
    outer_context: Context
    done: bool
    manual: bool
    owner: int


EMPTY = Context()


def _variable() -> ContextVar[Context] | None:
    """Return the variable with the current context, or None where the API keeps that elsewhere."""
    runtime = getattr(api, "_RUNTIME_CONTEXT", None)
    variable = getattr(runtime, "_current_context", None)
    usual = type(runtime).__name__ == "ContextVarsRuntimeContext" and type(variable) is ContextVar
    return variable if usual else None


_current = _variable()
# The API's functions call a runtime context that calls the variable: three calls where one does.
get_current = api.get_current if _current is None else _current.get
attach = api.attach if _current is None else _current.set
detach = api.detach if _current is None else _current.reset


PROCESSING = create_key("otel_eda.turn")


_CARRIED = create_key("otel_eda.carried")  # the process span in whose context somebody has asked for a later call


(SPAN,) = trace.set_span_in_context(trace.INVALID_SPAN, EMPTY)


with suppress_instrumentation():
    SUPPRESSING_KEYS = frozenset(key for key, value in get_current().items() if value is True)
    """Keys of a context that may suppress instrumentation; most contexts have none of them."""


NO_STATE = trace.INVALID_SPAN_CONTEXT.trace_state


Fields: TypeAlias = "tuple[int, int, bool, TraceFlags, TraceState, bool]"
"""Of a span context: the trace's id, the span's, whether it is remote, flags, trace state, whether it is valid."""


_MAX_NESTED = 100  # process spans within each other of which the ended ones are skipped


def _span_context(fields: Fields) -> SpanContext:
    return SpanContext(*fields[:5])


# A span context is a tuple, and its constructor takes as long as all the rest of a span's identity.
_fast: Callable[[Fields], SpanContext] = partial(tuple.__new__, SpanContext)
_SAMPLE = 1, 2, True, TraceFlags(1), NO_STATE, True
span_context = _fast if [*_span_context(_SAMPLE)] == [*_fast(_SAMPLE)] else _span_context
"""Makes a span context of its fields."""


def suppressed(context: Context) -> bool:
    """Return whether a context suppresses instrumentation; `is_instrumentation_enabled` asks the current one only."""
    for key in SUPPRESSING_KEYS:  # noqa: SIM110  # `any` would make a generator for each message
        if context.get(key):
            return True
    return False


def with_span(context: Context, span: Span) -> Context:
    """Return a copy of a context in which a span is current."""
    return Context({**context, SPAN: span} if context else {SPAN: span})


def span_in(context: Context) -> Span:
    """Return the current span of a context, or the invalid span if there is none."""
    span: Span = context.get(SPAN, trace.INVALID_SPAN)  # type: ignore[assignment]  # nothing else is kept there
    return span


def _current_processing(context: Context) -> ProcessSpan | None:
    # None if the application has made a span of its own current inside of the process span.
    processing: ProcessSpan | None = context.get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    return processing if processing is not None and context.get(SPAN) is processing.span else None


def current_context() -> Context:
    """Return the current context without process spans that have ended: an ended span must not become a parent."""
    context = get_current()
    processing: ProcessSpan | None = context.get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    if processing is None or not (processing.done or PROCESSING in processing.outer_context):
        return context  # as in a callback
    return skip_ended(context)


def skip_ended(context: Context) -> Context:
    """Return a context, or, if its process span has ended, the nearest outer context whose process span has not."""
    nearest = context = _first_open(context)
    for _ in range(_MAX_NESTED):
        opened: ProcessSpan | None = context.get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
        if opened is None or PROCESSING not in opened.outer_context:
            break
        # Else loops that alternate would hold each other's ended spans for ever.
        opened.outer_context = context = _first_open(opened.outer_context)
    return nearest


def carried(context: Context) -> Context:
    """Return a context for a later call, whose cause its process span remains, whichever thread makes the call."""
    return Context({**context, _CARRIED: context[PROCESSING]}) if PROCESSING in context else context


def _first_open(context: Context) -> Context:
    processing = _current_processing(context)
    while processing is not None and processing.done and not _inherited(processing, context):
        context = processing.outer_context
        processing = _current_processing(context)
    return context


def _inherited(processing: ProcessSpan, context: Context) -> bool:
    # What another task, thread or later call inherits is no leftover of a loop: what it does was caused by the message.
    return processing.owner != task_or_thread_id() or context.get(_CARRIED) is processing


def outside_loops(context: Context) -> Context:
    """Return the context outside of all loops' process spans: the message of one loop is not caused by another loop's.

    A process span that the application began by `otel_eda.process` is kept.
    """
    processing = _current_processing(context)
    while processing is not None and (processing.done or not processing.manual):
        context = processing.outer_context
        processing = _current_processing(context)
    return context


def around_processing(context: Context, manual: bool) -> tuple[Context, Context]:
    """Return the contexts that a process span that begins in this one gives way to, and that it may be a child in."""
    outer = skip_ended(context)
    return outer, outer if manual else outside_loops(outer)


def remote_parent(origin: SpanContext) -> Context:
    """Return a context with nothing but a span of another process."""
    return Context({SPAN: trace.NonRecordingSpan(origin)})


def as_context(parent: Context | SpanContext | None) -> Context | None:
    """Return the context that a span begins in, where only its parent may be known."""
    return remote_parent(parent) if type(parent) is SpanContext else parent  # type: ignore[return-value]


def surroundings(
    rule: str, base: Context, incoming: Context | None, origin: SpanContext | None
) -> tuple[Context, Context | SpanContext]:
    """Return the context around a process span, and that with its parent, as `OTEL_EDA_PROCESS_PARENT` says.

    `incoming` is the context that the message carries, None if there is nothing but the producer's span in it: then
    that may be all there is to know of the parent.
    """
    if incoming is None and origin is not None:
        if not base:
            return base, origin if rule in {"auto", "producer"} else EMPTY
        incoming = remote_parent(origin)
    context = (Context({**base, **incoming}) if base else incoming) if incoming else base
    return context, _parent_context(rule, base, context, origin if incoming and SPAN in incoming else None)


def _parent_context(rule: str, base: Context, context: Context, origin: SpanContext | None) -> Context:
    """Return the context with the parent of a process span.

    By default the parent is the recording span around the message's code, else the producer's span. The producer's span
    is linked in any case: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#consumer-spans.
    """
    if rule in {"auto", "ambient"} and SPAN in base and span_in(base).is_recording():
        return base
    if rule in {"auto", "producer"} and origin is not None:
        return context
    return EMPTY
