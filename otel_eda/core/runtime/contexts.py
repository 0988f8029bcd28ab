"""OpenTelemetry's contexts, read and made without the detours that a hot path can't afford.

A context is a plain dict. Its keys are found out by the public API, once, and not imported from private places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opentelemetry import trace
from opentelemetry.context import Context, create_key, get_current
from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_eda.core.runtime.tasks import task_or_thread_id

if TYPE_CHECKING:
    from opentelemetry.trace import Span


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


PROCESSING = create_key("otel_eda.turn")


(SPAN,) = trace.set_span_in_context(trace.INVALID_SPAN, EMPTY)


with suppress_instrumentation():
    _SUPPRESSING_KEYS = tuple(key for key, value in get_current().items() if value is True)


def suppressed(context: Context) -> bool:
    """Tell whether instrumentation is suppressed, as `is_instrumentation_enabled` does."""
    for key in _SUPPRESSING_KEYS:  # noqa: SIM110  # `any` would make a generator for each message
        if context.get(key):
            return True
    return False


def with_span(context: Context, span: Span) -> Context:
    """Give a context in which a span is current."""
    return Context({**context, SPAN: span})


def span_in(context: Context) -> Span:
    """Give the span that is current in a context, the invalid one if none is."""
    span: Span = context.get(SPAN, trace.INVALID_SPAN)  # type: ignore[assignment]  # nothing else is kept there
    return span


def _current_processing(context: Context) -> ProcessSpan | None:
    # The turn whose span is current, not one that the application has put a span of its own into.
    processing: ProcessSpan | None = context.get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    return processing if processing is not None and context.get(SPAN) is processing.span else None


def current_context() -> Context:
    """Give the current context, but never with a process span that has ended: that must not become a parent."""
    context = get_current()
    return skip_ended(context) if PROCESSING in context else context


def skip_ended(context: Context) -> Context:
    """Give a context, or, if its process span has ended, the one from before that."""
    processing = _current_processing(context)
    # What another task or thread inherits is no leftover of a loop: what it does was caused by the message.
    while processing is not None and processing.done and processing.owner == task_or_thread_id():
        context = processing.outer_context
        processing = _current_processing(context)
    alive: ProcessSpan | None = context.get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    if alive is not None:
        alive.outer_context = skip_ended(
            alive.outer_context
        )  # else loops that alternate would hold on to each other's past for ever
    return context


def outside_loops(context: Context) -> Context:
    """Give a context without the turns of loops around it: one loop's messages are not caused by another's."""
    processing = _current_processing(context)
    while processing is not None and (processing.done or not processing.manual):
        context = processing.outer_context
        processing = _current_processing(context)
    return context
