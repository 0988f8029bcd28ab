"""Handlers of events: a span around each call."""

from __future__ import annotations

import inspect
import time
from contextvars import ContextVar
from types import CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import wrapt
from opentelemetry.context import attach, detach, get_current
from opentelemetry.trace import INVALID_SPAN, SpanKind

from otel_eda import semconv
from otel_eda.core.patching.patch import Switch
from otel_eda.core.runtime.contexts import current, span_in, suppressed, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from otel_eda.core.patching.patch import Function
    from otel_eda.core.telemetry.providers import Scope


telemetry = Telemetry("registries")


switch = Switch()


EVENT_TYPE = "event_type"


class DispatchedEvent:
    """An event on its way to its handlers; `context` is that of its dispatch, if that has a span."""

    __slots__ = ("context", "handled", "type")

    def __init__(self, type_: str, context: Context | None = None) -> None:
        self.type = type_
        self.context = context
        self.handled = False


dispatching: ContextVar[DispatchedEvent | None] = ContextVar("otel_eda.dispatching", default=None)


class Handler(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """A handler with a span around each of its calls; equal to the user's own function, and of the same hash."""

    _self_key: str
    _self_event: object

    def __init__(self, function: Function, key: str, event: object = None) -> None:
        super().__init__(function, self._self_run)
        self._self_key = key
        self._self_event = event

    def _self_run(self, function: Function, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = _called(self, function, args, kwargs)
        return function(*args, **kwargs) if call is None else call.of(function, args, kwargs)


def type_name(event: object) -> str:
    """Give an event's type as text."""
    return event.__name__ if isinstance(event, type) else str(event)


@guarded
def _called(handler: Handler, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> HandlerCall | None:
    scope = telemetry.look() if switch.on else None
    if scope is None or suppressed(get_current()):
        return None
    event = dispatching.get()
    if event is not None:
        event.handled = True
        return HandlerCall(scope, event.type, function, event.context)
    given = (*args, *kwargs.values())
    if len(given) > 1 and isinstance(given[0], type):
        given = given[1:]  # since Python 3.13 a class method's wrapper gets the class as an argument
    found = handler._self_event or event_type_of(handler._self_key, given)
    return HandlerCall(scope, type_name(found), function)


class HandlerCall:
    """One call of a handler: a span around it, whose parent is current in `base`, by default in the context."""

    __slots__ = ("attributes", "base", "before", "context", "kind", "scope", "span", "start", "token")

    before: Token[DispatchedEvent | None]
    token: Token[Context]
    start: int

    def __init__(
        self,
        scope: Scope,
        event: str,
        function: Function,
        base: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        self.scope = scope
        self.base = self.context = current() if base is None else base
        self.kind = kind
        self.span: Span = INVALID_SPAN
        self.attributes = {semconv.EVENT_TYPE: event, semconv.FUNCTION: _name(function)}

    def of(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """HandlerCall the handler, whether it is async or not."""
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
        """Begin: the span is current from now on."""
        if self.span is INVALID_SPAN:
            self._start()
        self.token = attach(self.context)
        self.before = dispatching.set(None)  # a handler that this one calls has an event of its own

    def leave(self, error: BaseException | None) -> None:
        """End, with why it failed; the context is what it was."""
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
        if isinstance(error, GeneratorExit):
            self.span.set_attribute(semconv.ABANDONED, True)
        elif error is not None:
            measures = {**measures, semconv.ERROR_TYPE: errors.record(self.span, error, "process", self.context)}
        self.span.end(end)
        if self.scope.measures(end):
            self.scope.metrics.handler_duration.record(max(end - self.start, 0) / 1e9, measures, self.context)


class _Owned:
    """A handler's coroutine, closed with ours: a task that is cancelled before it starts leaves no warning."""

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine

    def __del__(self) -> None:
        self.coroutine.close()


_names: WeakKeyDictionary[FunctionType, str] = WeakKeyDictionary()


def _is_async(function: Function) -> bool:
    inner = getattr(function, "__func__", function)
    if type(inner) is FunctionType and not inner.__dict__:  # nobody has marked or wrapped it
        return bool(inner.__code__.co_flags & inspect.CO_COROUTINE)
    return inspect.iscoroutinefunction(function)


def _name(function: Function) -> str:
    inner = getattr(function, "__func__", function)
    if type(inner) is not FunctionType:
        return _told(inner)  # whether it can be a key is for the application to say
    if not inner.__dict__:
        return f"{inner.__module__}.{inner.__qualname__}"
    found = _names.get(inner)
    if found is None:
        found = _names[inner] = _told(inner)
    return found


def _told(function: Any) -> str:
    inner = inspect.unwrap(getattr(function, "func", function))
    return f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', type(inner).__qualname__)}".lstrip(".")


def failed_in(error: BaseException) -> Context | None:
    """Give the context of the handler's call that an exception has left, as its traceback tells; None for any other."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in _CALLS:
            context: Context = trace.tb_frame.f_locals["self"].context
            return context
        trace = trace.tb_next
    return None


_CALLS = (HandlerCall.of.__code__, HandlerCall._wait.__code__)


def unhandled(scope: Scope, event: str) -> None:
    """Tell of an event that no handler is registered for, and count it."""
    attributes = {semconv.EVENT_TYPE: event}
    span_in(current()).add_event(semconv.UNHANDLED_EVENT, attributes)
    scope.metrics.unhandled.of(attributes).number += 1


def handler(function: Any = None, *, event_type: str = EVENT_TYPE) -> Any:
    """Make a function or method, sync or async, a handler: a span around each of its calls.

    The event's type is the first argument's attribute or key `event_type`, else the name of its class.
    """
    if function is None:
        return lambda later: handler(later, event_type=event_type)
    return function if isinstance(function, Handler) else Handler(function, event_type)


def event_type_of(key: str, given: tuple[Any, ...]) -> object:
    """Find an event's type among arguments: an attribute or key, a text that is the event, or the name of its class."""
    for item in given:
        found = item.get(key) if isinstance(item, dict) else getattr(item, key, None)
        if found is not None:
            return found
    return given[0] if given and isinstance(given[0], str) else type(given[0]).__name__ if given else "unknown"
