"""One call of a handler: a span around it."""

from __future__ import annotations

import inspect
import time
from types import CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import INVALID_SPAN, SpanKind

from otel_eda import semconv
from otel_eda.core.runtime.contexts import attach, current_context, detach, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import ENDS

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from otel_eda.core.patching.patch import Function
    from otel_eda.core.telemetry.providers import Scope


from otel_eda.core.inprocess.dispatched import IN_HANDLER, DispatchedEvent, dispatching


class HandlerCall:
    """One call of a handler and its span, whose parent is current in `base`, by default in the current context."""

    __slots__ = ("attributes", "base", "before", "context", "kind", "scope", "span", "start", "token")

    before: Token[DispatchedEvent | None]
    token: Token[Context]
    start: int

    def __init__(
        self,
        scope: Scope,
        event: str,
        name: str,
        base: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        self.scope = scope
        self.base = self.context = current_context() if base is None else base
        self.kind = kind
        self.span: Span = INVALID_SPAN
        self.attributes = {semconv.EVENT_TYPE: event, semconv.FUNCTION: name}

    def of(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the handler's result, or, for an async one, an awaitable of it."""
        if _is_async(function):
            return self._awaited(function(*args, **kwargs))
        self.enter()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self.leave(error)
            raise
        if isinstance(result, CoroutineType):
            self._out()
            return self._awaited(result)  # a lambda or an object may turn out to be async
        self.leave(None)
        return result

    def _awaited(self, coroutine: Any) -> Any:
        ours: Any = self._wait(_Owned(coroutine))
        ours.__name__, ours.__qualname__ = coroutine.__name__, coroutine.__qualname__
        return ours

    async def _wait(self, owned: _Owned) -> Any:
        self.enter()
        try:
            result = await owned.coroutine
        except BaseException as error:
            self.leave(error)
            raise
        self.leave(None)
        return result

    def enter(self) -> None:
        """Start the span, and make it current."""
        if self.span is INVALID_SPAN:
            self._start()
        self.token = attach(self.context)
        self.before = dispatching.set(IN_HANDLER)

    def leave(self, error: BaseException | None) -> None:
        """End the span, failed if there is an error, and restore the context from before it."""
        if not isinstance(error, GeneratorExit):  # a coroutine is closed by whoever happens to find it abandoned
            self._out()
        self._end(error)

    def _out(self) -> None:
        dispatching.reset(self.before)
        detach(self.token)

    @guarded
    def _start(self) -> None:
        self.start = time.time_ns()
        name = f"process {self.attributes[semconv.EVENT_TYPE]}"
        self.span = self.scope.tracer.start_span(name, self.base, self.kind, self.attributes, (), self.start)
        self.context = with_span(self.base, self.span)

    @guarded
    def _end(self, error: BaseException | None) -> None:
        end, measures = time.time_ns(), self.attributes
        if isinstance(error, ENDS):
            errors.mark_ended(self.span, error)
        elif error is not None:
            measures = {**measures, semconv.ERROR_TYPE: errors.record(self.span, error, "process", self.context)}
        self.span.end(end)
        if self.scope.check_durations(end):
            durations = self.scope.metrics.handler_duration.durations_for(measures)
            durations.record((end - self.start) / 1e9 if end > self.start else 0.0, self.context, end)


class _Owned:
    """A handler's coroutine, closed with ours: a task that is cancelled before it starts leaves no warning."""

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine

    def __del__(self) -> None:
        self.coroutine.close()


def _is_async(function: Function) -> bool:
    inner = getattr(function, "__func__", function)
    if type(inner) is FunctionType and not inner.__dict__:  # nobody has marked or wrapped it
        return bool(inner.__code__.co_flags & inspect.CO_COROUTINE)
    return inspect.iscoroutinefunction(function)


def failed_in(error: BaseException) -> Context | None:
    """Return the context of the handler's call that an exception has left, by its traceback, or None."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in _CALLS:
            context: Context = trace.tb_frame.f_locals["self"].context
            return context
        trace = trace.tb_next
    return None


_CALLS = (HandlerCall.of.__code__, HandlerCall._wait.__code__)
