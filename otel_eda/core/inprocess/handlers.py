"""Handlers of events: the application's own functions, whose calls have spans."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.patching.interception import intercept, interceptor_of
from otel_eda.core.patching.patch import Switch
from otel_eda.core.runtime.contexts import current_context, get_current, span_in, suppressed
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.names import function_name
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from otel_eda.core.patching.patch import Function
    from otel_eda.core.telemetry.providers import Scope


from otel_eda.core.inprocess.dispatched import EVENT_TYPE, IN_HANDLER, dispatching, event_type_of, type_name
from otel_eda.core.inprocess.handler_call import HandlerCall

telemetry = Telemetry("registries")


switch = Switch()


class _Interceptor:
    """The interceptor of one handler, with a span around each call.

    `event` is the type of event that the handler is registered for, if it is known; `key` is the attribute that holds
    the type of an event; `explicit` says that the application has marked the function as a handler, whoever calls it;
    `skipped` is the number of arguments before the event.
    """

    __slots__ = ("event", "explicit", "key", "name", "skipped")

    def __init__(self, name: str, key: str, event: str | None, explicit: bool, skipped: int) -> None:
        self.name = name
        self.key = key
        self.event = event
        self.explicit = explicit
        self.skipped = skipped

    def add(self, key: str, event: str | None, explicit: bool) -> None:
        """Register the handler for another event, too: then only a call's arguments say which event it is."""
        self.event = self.event if event == self.event else None
        self.key = key if explicit else self.key
        self.explicit |= explicit

    def __call__(self, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the handler's result."""
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
    """Record the calls of a handler from now on, and return whether that is possible."""
    function = _function_of(handler)
    if function is None:
        return False
    name = None if event is None else type_name(event)
    if interceptor_of(function) is None:
        made = _Interceptor(function_name(handler), key, name, explicit, _skipped(handler, function))
        if not intercept(function, made) or interceptor_of(function) is made:
            return interceptor_of(function) is made
    found = interceptor_of(function)  # perhaps another thread's, of this moment
    if isinstance(found, _Interceptor):
        found.add(key, name, explicit)
    return True


def is_explicit(handler: object) -> bool:
    """Return whether the application has marked a function as a handler: then each call has a span."""
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


def unhandled(scope: Scope, event: str) -> None:
    """Record that an event has no handler: an event on the current span, and a count."""
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
