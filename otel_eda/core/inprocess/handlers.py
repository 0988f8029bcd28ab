"""Handlers of events, which stay the application's own functions: their calls are seen."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

from opentelemetry.context import get_current

from otel_eda import semconv
from otel_eda.core.patching.interception import intercept, interceptor_of
from otel_eda.core.patching.patch import Switch
from otel_eda.core.runtime.contexts import current_context, span_in, suppressed
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from otel_eda.core.patching.patch import Function
    from otel_eda.core.telemetry.providers import Scope


from otel_eda.core.inprocess.dispatched import EVENT_TYPE, IN_HANDLER, dispatching, event_type_of, type_name
from otel_eda.core.inprocess.handler_call import HandlerCall, function_name

telemetry = Telemetry("registries")


switch = Switch()


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
