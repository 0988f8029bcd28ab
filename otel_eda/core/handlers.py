"""Handlers of events: a span around each call."""

from __future__ import annotations

import inspect
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.context import attach, detach, get_current
from opentelemetry.trace import INVALID_SPAN, SpanKind

from . import errors, keys
from .contexts import current, suppressed, with_span
from .guard import guarded
from .patching import Switch
from .telemetry import Telemetry

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from .patching import Function
    from .telemetry import Scope

telemetry = Telemetry("registries")
switch = Switch()
EVENT_TYPE = "event_type"


@dataclass
class Dispatch:
    """An event on its way through a registry."""

    event: str
    handled: bool = False


dispatching: ContextVar[Dispatch | None] = ContextVar("otel_eda.dispatching", default=None)


class Handler(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """A handler with a span around each of its calls; equal to the user's own function, and of the same hash."""

    _self_key: str
    _self_event: object

    def __init__(self, function: Function, key: str, event: object = None) -> None:
        super().__init__(function, self._self_run)
        self._self_key = key
        self._self_event = event

    def _self_run(self, function: Function, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = _Call.begin(self, function, args, kwargs)
        if call is None:
            return function(*args, **kwargs)
        if inspect.iscoroutinefunction(function):
            return call.wait_for(function(*args, **kwargs))
        return call.run(function, args, kwargs)


def type_name(event: object) -> str:
    """Give an event's type as text."""
    return event.__name__ if isinstance(event, type) else str(event)


class _Call:
    """One call of a handler."""

    def __init__(self, scope: Scope, event: str, function: Function) -> None:
        self.scope = scope
        self.base = self.context = current()
        self.span: Span = INVALID_SPAN
        self.start = time.time_ns()
        self.attributes = {keys.EVENT_TYPE: event, keys.FUNCTION: _name(function)}

    @staticmethod
    @guarded
    def begin(handler: Handler, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call | None:
        scope = telemetry.look() if switch.on else None
        if scope is None or suppressed(get_current()):
            return None
        dispatch = dispatching.get()
        if dispatch is not None:
            dispatch.handled = True
            return _Call(scope, dispatch.event, function)
        given = (*args, *kwargs.values())
        if len(given) > 1 and isinstance(given[0], type):
            given = given[1:]  # since Python 3.13 a class method's wrapper gets the class as an argument
        event = handler._self_event or event_type_of(handler._self_key, given)
        return _Call(scope, type_name(event), function)

    def run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._start()
        token, before = attach(self.context), dispatching.get()
        dispatching.set(None)  # a handler that this one calls has an event of its own
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self._end(error)
            raise
        finally:
            dispatching.set(before)
            detach(token)
        if inspect.iscoroutine(result):
            return self._rest(result)  # a lambda or an object may turn out to be async
        self._end(None)
        return result

    async def wait_for(self, coroutine: Any) -> Any:
        self._start()
        return await self._rest(coroutine)

    async def _rest(self, coroutine: Any) -> Any:
        token, before = attach(self.context), dispatching.get()
        dispatching.set(None)
        try:
            result = await coroutine
        except BaseException as error:
            self._end(error)
            raise
        finally:
            dispatching.set(before)
            detach(token)
        self._end(None)
        return result

    @guarded
    def _start(self) -> None:
        self.start = time.time_ns()
        name = f"process {self.attributes[keys.EVENT_TYPE]}"
        self.span = self.scope.tracer.start_span(name, self.base, SpanKind.INTERNAL, self.attributes, (), self.start)
        self.context = with_span(self.base, self.span)

    @guarded
    def _end(self, error: BaseException | None) -> None:
        end = time.time_ns()
        measures = dict(self.attributes)
        if error is not None:
            measures[keys.ERROR_TYPE] = errors.record(self.span, error, "process", self.context)
        self.span.end(end)
        self.scope.metrics.handler_duration.record(max(end - self.start, 0) / 1e9, measures)


def _name(function: Function) -> str:
    inner = inspect.unwrap(getattr(function, "func", function))
    return f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', type(inner).__qualname__)}".lstrip(".")


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
