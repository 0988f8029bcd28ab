"""Handlers of events: a span around each call."""

from __future__ import annotations

import functools
import inspect
import time
from contextvars import ContextVar
from types import CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from opentelemetry.context import attach, detach, get_current
from opentelemetry.trace import INVALID_SPAN, SpanKind

from otel_eda import semconv
from otel_eda.core.patching.interception import intercept, interceptor_of
from otel_eda.core.patching.patch import Switch
from otel_eda.core.runtime.contexts import current_context, span_in, suppressed, with_span
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


IN_HANDLER = DispatchedEvent("")
"""Stands for no event while a handler runs: what that calls by itself handles no event."""


class _Interceptor:
    """Has a span around each call of one handler.

    `event` names what the handler is registered for, if that is known; `key` is the attribute that names an event;
    `explicit` says that the application calls the function a handler, whoever calls it; `skipped` arguments come
    before the event.
    """

    __slots__ = ("event", "explicit", "key", "name", "skipped")

    def __init__(self, name: str, key: str, event: str | None, explicit: bool, skipped: int) -> None:
        self.name = name
        self.key = key
        self.event = event
        self.explicit = explicit
        self.skipped = skipped

    def add(self, key: str, event: str | None, explicit: bool) -> None:
        """Note that the handler is one for another event, too: then only its arguments tell which it is."""
        self.event = self.event if event == self.event else None
        self.key = key if explicit else self.key
        self.explicit |= explicit

    def __call__(self, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what the handler does."""
        call = self._begin(args, kwargs)
        return run(*args, **kwargs) if call is None else call.of(run, args, kwargs)

    @guarded
    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> HandlerCall | None:
        scope, event = telemetry.find_scope() if switch.on else None, dispatching.get()
        if scope is None or suppressed(get_current()) or (event is IN_HANDLER and not self.explicit):
            return None
        if event is not None and event is not IN_HANDLER:
            event.handled = True
            return HandlerCall(scope, event.type, self.name, event.context)
        # Defaults are among them: the code that stands in gives every parameter.
        given = tuple(item for item in (*args[self.skipped :], *kwargs.values()) if item is not None)
        return HandlerCall(scope, self.event or type_name(event_type_of(self.key, given)), self.name)


def watch(handler: object, key: str, event: object = None, explicit: bool = False) -> bool:
    """Have the calls of a handler seen, which stays what it is; False for one of which that can't be."""
    function = _function_of(handler)
    if function is None:
        return False
    name = None if event is None else type_name(event)
    found = interceptor_of(function)
    if isinstance(found, _Interceptor):
        found.add(key, name, explicit)
        return True
    return intercept(function, _Interceptor(function_name(handler), key, name, explicit, _skipped(handler, function)))


def is_explicit(handler: object) -> bool:
    """Tell whether the application calls a function a handler: then it has a span by itself."""
    function = _function_of(handler)
    found = None if function is None else interceptor_of(function)
    return isinstance(found, _Interceptor) and found.explicit


def _function_of(handler: object) -> FunctionType | None:
    # What runs in the end, whatever is bound, decorated or partly applied around it.
    while isinstance(handler, functools.partial):
        handler = handler.func
    inner = getattr(handler, "__func__", handler)
    if type(inner) is not FunctionType:
        inner = vars(type(inner)).get("__call__", inspect.unwrap(inner) if callable(inner) else None)
    return inner if type(inner) is FunctionType else None


def _skipped(handler: object, function: FunctionType) -> int:
    if isinstance(handler, (functools.partial, staticmethod)):
        return 0
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return int(getattr(handler, "__func__", None) is function or names[:1] in {("self",), ("cls",)})


def type_name(event: object) -> str:
    """Return an event's type as text."""
    return event.__name__ if isinstance(event, type) else str(event)


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
        """Return what the handler does, whether it is async or not."""
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
        self.before = dispatching.set(IN_HANDLER)

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
        if self.scope.check_durations(end):
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


def function_name(function: Any) -> str:
    """Return the full name of a handler: of the function that runs in the end."""
    inner = getattr(function, "__func__", function)
    if type(inner) is not FunctionType:
        return _full_name(inner)  # whether it can be a key is for the application to say
    if not inner.__dict__:
        return f"{inner.__module__}.{inner.__qualname__}"
    found = _names.get(inner)
    if found is None:
        found = _names[inner] = _full_name(inner)
    return found


def _full_name(function: Any) -> str:
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
    span_in(current_context()).add_event(semconv.UNHANDLED_EVENT, attributes)
    scope.metrics.unhandled.count_for(attributes).number += 1


def handler(function: Any = None, *, event_type: str = EVENT_TYPE) -> Any:
    """Make a function or method, sync or async, a handler: a span around each of its calls. Returns the same object.

    The event's type is the first argument's attribute or key `event_type`, else the name of its class.
    """
    if function is None:
        return lambda later: handler(later, event_type=event_type)
    watch(function, event_type, explicit=True)
    return function


def event_type_of(key: str, given: tuple[Any, ...]) -> object:
    """Find an event's type among arguments: an attribute or key, a text that is the event, or the name of its class."""
    for item in given:
        found = item.get(key) if isinstance(item, dict) else getattr(item, key, None)
        if found is not None:
            return found
    return given[0] if given and isinstance(given[0], str) else type(given[0]).__name__ if given else "unknown"
